// /// script
// dependencies = ["tar-stream@3.2.0", "sharp@0.35.5"]
// [tool.compat]
// reader = "Node.js: tar-stream, sharp, JSON.parse"
// kind = "loader"
// ///
// tar-stream, on which most readers of tar in Node.js stand; labels by JSON.parse, whose numbers are doubles.

import { createReadStream } from "node:fs";
import { buffer } from "node:stream/consumers";
import sharp from "sharp";
import tar from "tar-stream";
import { run, shards, versionOf } from "./reader_tools.mjs";

async function decode(content, isMask) {
  const image = isMask ? sharp(content).toColourspace("b-w") : sharp(content);
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return { data, shape: [info.height, info.width, info.channels] };
}

async function* samples() {
  for (const shard of shards("train")) {
    let sample = null;
    for await (const entry of createReadStream(shard).pipe(tar.extract())) {
      const [key, member] = entry.header.name.split(".");
      const content = await buffer(entry);
      if (sample && sample.key !== key) {
        yield sample;
        sample = null;
      }
      sample ??= { key };
      if (member === "json") sample.labels = JSON.parse(content);
      else sample[member] = await decode(content, member === "map" || member === "parts");
    }
    yield sample;
  }
}

const WAYS = [
  {
    code: 'createReadStream("DIR/train-000000.tar").pipe(tar.extract())',
    samples,
    expect: {
      samples: "right",
      map: "right, uint8 h w 1",
      parts: "right, uint8 h w 1",
      images: "right, uint8 h w 3",
      labels: "right",
    },
    split: "train",
  },
];

await run(WAYS, versionOf("tar-stream"));
