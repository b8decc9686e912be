// /// script
// dependencies = ["pngjs@7.0.0"]
// [tool.compat]
// reader = "pngjs"
// kind = "decoder"
// ///
// pngjs, the PNG decoder in plain JavaScript that most packages of npm use.

import { readFileSync } from "node:fs";
import { PNG } from "pngjs";
import { decodeFiles, IMAGES, run, versionOf } from "./reader_tools.mjs";

function read(path) {
  const { data, height, width } = PNG.sync.read(readFileSync(path));
  return { data, shape: [height, width, 4] };
}

const WAYS = [
  decodeFiles("PNG.sync.read(data)", read, { map: "right, uint8 h w 4", parts: "right, uint8 h w 4" }),
  decodeFiles("PNG.sync.read(data)", read, { images: "right, uint8 h w 4" }, { members: IMAGES, suffix: "png" }),
];

await run(WAYS, versionOf("pngjs"));
