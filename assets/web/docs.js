"use strict";

function element(name, text, parts = []) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...parts);
  return made;
}

function table(title, rows) {
  if (!rows.length) return [];
  const lines = rows.map(([name, text]) => element("tr", "", [element("td", "", [element("code", name)]), element("td", text)]));
  return [element("h3", title), element("table", "", [element("tbody", "", lines)])];
}

function named(schema, all) {
  return schema && schema.$ref ? all[schema.$ref.split("/").pop()] : schema;
}

function fields(operation, all) {
  const content = operation.responses["200"]?.content?.["application/json"];
  const schema = named(content?.schema, all);
  return Object.entries(schema?.properties || {}).map(([name, field]) => [name, field.description || field.type || ""]);
}

function article(path, verb, operation, all) {
  const heading = element("h2", "", [element("span", verb.toUpperCase()), element("code", path)]);
  heading.firstChild.className = "verb";
  const body = operation.requestBody ? [["body", operation.requestBody.description || ""]] : [];
  const given = (operation.parameters || []).map((one) => [one.name, `${one.description || ""} [${one.schema.default ?? "required"}]`]);
  const refused = Object.entries(operation.responses).filter(([code, one]) => code !== "200" && one.description !== "Validation Error").map(([code, one]) => [code, one.description]);
  return element("article", "", [
    heading, element("p", operation.description || operation.summary),
    ...table("Parameters", [...body, ...given]), ...table("Response", fields(operation, all)), ...table("Errors", refused),
  ]);
}

document.getElementById("try").textContent = [
  `curl -H 'Content-Type: image/jpeg' --data-binary @photo.jpg ${location.origin}/api/unmask`,
  `curl -F photo=@photo.jpg -F map=@map.png ${location.origin}/api/unmask`,
].join("\n");
fetch("/openapi.json").then((answer) => answer.json()).then((api) => {
  const all = api.components?.schemas || {};
  for (const [path, verbs] of Object.entries(api.paths)) {
    for (const [verb, operation] of Object.entries(verbs)) document.getElementById("paths").append(article(path, verb, operation, all));
  }
});
