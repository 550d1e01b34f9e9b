// sharp: `node imaging_sharp.mjs MODE OUT DERIVATIVE… -- FILE…`, a derivative being `WIDTH:FORMAT:QUALITY`.
// MODE: default · noopt (standard Huffman tables) · raw (decoded once, to the largest width) · effort0 (AVIF).
import { createRequire } from "node:module";
import path from "node:path";

const sharp = createRequire(path.join(process.env.BENCH_SHARP, "x"))("sharp");
const [mode, out, ...rest] = process.argv.slice(2);
const files = rest.splice(rest.indexOf("--")).slice(1);
const derivatives = rest.map((text) => {
  const [width, format, quality] = text.split(":");
  return { width: Number(width), format, quality: Number(quality) };
});
// One image after another on one core; on more, twice as many as there are threads for them.
const inFlight = Number(process.env.BENCH_CORES) > 1 ? 2 * Number(process.env.BENCH_CORES) : 1;
sharp.concurrency(1);

function encoded(image, { format, quality }) {
  if (format === "jpg") return image.jpeg(mode === "noopt" ? { quality, optimiseCoding: false } : { quality });
  if (format === "webp") return image.webp({ quality });
  return image.avif(mode === "effort0" ? { quality, effort: 0 } : { quality });
}

async function decodedOnce(file) {
  const width = Math.max(...derivatives.map((derivative) => derivative.width));
  const { data, info } = await sharp(file).resize({ width }).raw().toBuffer({ resolveWithObject: true });
  return () => sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
}

async function derive(file) {
  const open = mode === "raw" ? await decodedOnce(file) : () => sharp(file);
  for (const derivative of derivatives) {
    const name = `${path.parse(file).name}-${derivative.width}.${derivative.format}`;
    await encoded(open().resize({ width: derivative.width }), derivative).toFile(path.join(out, name));
  }
}

let next = 0;
async function work() {
  while (next < files.length) await derive(files[next++]);
}
await Promise.all(Array.from({ length: inFlight }, work));
