// /// script
// dependencies = ["sharp@0.35.5"]
// [tool.compat]
// reader = "sharp"
// kind = "decoder"
// ///
// sharp, the image library of most servers in Node.js.

import sharp from "sharp";
import { decodeFiles, IMAGES, run, versionOf } from "./reader_tools.mjs";

async function raw(image) {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return { data, shape: [info.height, info.width, info.channels] };
}

const RGB = { images: "right, uint8 h w 3" };
const WAYS = [
  decodeFiles("sharp(path).raw().toBuffer()", (path) => raw(sharp(path)), {
    map: "right, uint8 h w 3",
    parts: "right, uint8 h w 3",
  }),
  decodeFiles('sharp(path).toColourspace("b-w").raw().toBuffer()', (path) => raw(sharp(path).toColourspace("b-w")), {
    map: "right, uint8 h w 1",
    parts: "right, uint8 h w 1",
  }),
  decodeFiles("sharp(path).raw().toBuffer()", (path) => raw(sharp(path)), RGB, { members: IMAGES }),
  decodeFiles("sharp(path).raw().toBuffer()", (path) => raw(sharp(path)), RGB, { members: IMAGES, suffix: "webp" }),
];

await run(WAYS, versionOf("sharp"));
