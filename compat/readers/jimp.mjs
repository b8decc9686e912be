// /// script
// dependencies = ["jimp@1.6.1"]
// [tool.compat]
// reader = "Jimp"
// kind = "decoder"
// ///
// Jimp, an image library without native code.

import { Jimp } from "jimp";
import { decodeFiles, IMAGES, run, versionOf } from "./reader_tools.mjs";

async function read(path) {
  const { bitmap } = await Jimp.read(path);
  return { data: bitmap.data, shape: [bitmap.height, bitmap.width, 4] };
}

const WAYS = [
  decodeFiles("(await Jimp.read(path)).bitmap", read, { map: "right, uint8 h w 4", parts: "right, uint8 h w 4" }),
  decodeFiles("(await Jimp.read(path)).bitmap", read, { images: "right, uint8 h w 4" }, { members: IMAGES }),
  decodeFiles("(await Jimp.read(path)).bitmap", read, { images: "refused" }, {
    members: IMAGES,
    suffix: "webp",
    note: "has no reader of WebP; keep the default `--format jpg`, or `png`",
  }),
];

await run(WAYS, versionOf("jimp"));
