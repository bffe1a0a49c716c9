/** How fast are XOR chunks decoded and encoded? Million samples a second: median, slowest and fastest of the rounds. */
import { ColumnBuilder } from '#lib/tsdb/chunk/columns.ts'
import { decodeXor, encodeXor } from '#lib/tsdb/chunk/xor.ts'

const CHUNKS = 4_000
const SAMPLES = 120
const ROUNDS = 21

let state = 1
function random(): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) / 2 ** 32
}

const shapes: Record<string, { jitter: number; value: (before: number) => number }> = {
  'integer counter, jitter': { jitter: 5, value: (v) => v + Math.floor(random() * 100) },
  'random gauge': { jitter: 0, value: () => random() * 100 },
  constant: { jitter: 0, value: () => 1 },
  'counter of thousandths': {
    jitter: 0,
    value: (v) => Math.round((v + random() * 10) * 1000) / 1000,
  },
  'integer gauge': { jitter: 0, value: () => Math.floor(random() * 100) },
}

console.log(
  'shape'.padEnd(26),
  'B/sample',
  ' decode M/s (min…max)'.padEnd(26),
  'encode M/s (min…max)',
)
for (const [name, { jitter, value }] of Object.entries(shapes)) {
  const total = CHUNKS * SAMPLES
  const timestamps = new Float64Array(total)
  const values = new Float64Array(total)
  let v = 0
  for (let i = 0; i < total; i++) {
    timestamps[i] = 1.7e12 + i * 15_000 + Math.floor(random() * jitter)
    values[i] = v = value(v)
  }
  const encode = (): Uint8Array[] => {
    const out: Uint8Array[] = []
    for (let at = 0; at < total; at += SAMPLES) {
      out.push(encodeXor(timestamps, values, at, at + SAMPLES))
    }
    return out
  }
  const chunks = encode()
  const builder = new ColumnBuilder(total)
  const decode = (): void => {
    builder.reset()
    for (const chunk of chunks) decodeXor(chunk, builder)
  }
  decode()
  for (let i = 0; i < total; i++) {
    if (builder.timestamps[i] !== timestamps[i] || builder.values[i] !== values[i]) {
      throw new Error(`${name}: sample ${i} is not what went in`)
    }
  }
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0) / total
  const columns = [name.padEnd(26), bytes.toFixed(2).padStart(8)]
  console.log(...columns, measure(decode, total).padEnd(26), measure(encode, total))
}

function measure(run: () => void, samples: number): string {
  for (let i = 0; i < 3; i++) run()
  const speeds = Array.from({ length: ROUNDS }, () => {
    const start = performance.now()
    run()
    return samples / (performance.now() - start) / 1000
  }).sort((a, b) => a - b)
  const show = (i: number): string => speeds[i]!.toFixed(0)
  return `${show(ROUNDS >> 1).padStart(5)} (${show(0)}…${show(ROUNDS - 1)})`
}
