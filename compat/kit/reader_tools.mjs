// What a reader's script in JavaScript imports: the counterpart of reader_tools.py, see there.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

export const MASKS = ["map", "parts"];
export const IMAGES = ["masked", "gt"];

function files(member, suffix) {
  const folder = join(process.env.COMPAT_DATA, `${suffix}-files`);
  const names = readdirSync(folder).filter((name) => name.split(".")[1] === member);
  return names.sort().map((name) => join(folder, name));
}

/**
 * Returns the way of a decoder: a function from the path of a file to {data, shape}, where data is a Uint8Array; it may
 * return a promise.
 */
export function decodeFiles(code, decode, expect, { members = MASKS, suffix = "jpg", note = "" } = {}) {
  return { code, decode, expect, members, suffix, note };
}

/** Returns the paths of the shards of a split, sorted by name. */
export function shards(split, suffix = "jpg") {
  const folder = join(process.env.COMPAT_DATA, suffix);
  const names = readdirSync(folder).filter((name) => name.startsWith(`${split}-`) && name.endsWith(".tar"));
  return names.sort().map((name) => join(folder, name));
}

function errorLine(error) {
  return `${error.name}: ${String(error.message).split("\n")[0]}`.slice(0, 300);
}

async function readSamples(way, folder) {
  const keys = [];
  const values = [];
  for await (const sample of way.samples()) {
    const { key, labels, ...images } = sample;
    keys.push(key);
    if (labels) values.push({ key, member: "labels", labels });
    for (const [member, { data, shape }] of Object.entries(images)) {
      const raw = `${values.length}.raw`;
      writeFileSync(join(folder, raw), data);
      values.push({ key, member, raw, dtype: "uint8", shape });
    }
  }
  return { keys, values };
}

async function readFiles(way, folder) {
  const keys = [];
  const values = [];
  for (const member of way.members) {
    for (const path of files(member, way.suffix)) {
      const key = basename(path).split(".")[0];
      keys.push(key);
      try {
        const { data, shape } = await way.decode(path);
        const raw = `${values.length}.raw`;
        writeFileSync(join(folder, raw), data);
        values.push({ key, member, raw, dtype: "uint8", shape });
      } catch (error) {
        values.push({ key, member, refused: errorLine(error) });
      }
    }
  }
  return { keys, values };
}

/** Runs all ways and writes what came out to the driver's folder. The last statement of a reader's script. */
export async function run(ways, version) {
  const report = { version, ways: [] };
  for (const [number, way] of ways.entries()) {
    const folder = join(process.env.COMPAT_OUT, String(number));
    mkdirSync(folder, { recursive: true });
    const { keys, values } = await (way.samples ? readSamples : readFiles)(way, folder);
    const { code, expect, suffix = "jpg", note = "", split = "" } = way;
    report.ways.push({ code, expect, suffix, note, split, compare: "values", failed: "", keys, values });
  }
  writeFileSync(join(process.env.COMPAT_OUT, "report.json"), JSON.stringify(report));
}

/** Returns the version of an installed package. */
export function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
}
