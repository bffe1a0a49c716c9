/**
 * `node test/api/fuzz/run.ts [--count 50000] [--seed 1]`: asks that many requests, then broken and large ones. Ends with 1
 * and the requests where an answer is not what it must be, or where memory grows.
 */
import { setFlagsFromString } from 'node:v8'
import { parseArgs } from 'node:util'
import { runInNewContext } from 'node:vm'
import { fuzz, fuzzTarget, halfSent, largeBodies } from './fuzz.ts'

const { values } = parseArgs({
  options: { count: { type: 'string', default: '50000' }, seed: { type: 'string' } },
})
const count = Number(values.count)
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
const MEGABYTE = 1024 * 1024
/** Code that is compiled late and caches that fill take some. */
const MAX_GROWTH_MB = 16

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapMegabytes(): number {
  for (let i = 0; i < 4; i++) collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / MEGABYTE
}

console.log(`seed ${seed}, ${count} requests`)
const target = await fuzzTarget()
const startedMs = performance.now()
let warmMb = 0
let halfMb = 0
const report = await fuzz(target, {
  count,
  seed,
  progress: (done) => {
    if (done === Math.ceil(count / 5)) warmMb = heapMegabytes()
    if (done === Math.ceil(count / 2)) halfMb = heapMegabytes()
  },
})
const endMb = heapMegabytes()
const large = await largeBodies(target)
await halfSent(target, Math.min(500, Math.ceil(count / 20)), seed)
const seconds = (performance.now() - startedMs) / 1000
for (const flaw of report.flaws) console.error(flaw)
const statuses = [...report.statuses].sort(([a], [b]) => a - b)
console.log(statuses.map(([status, times]) => `${status}: ${times}`).join(', '))
console.log(`bodies of 10 MB and a byte more: ${large.join(' ')}`)
console.log(
  `${seconds.toFixed(0)} s; heap after a fifth ${warmMb.toFixed(1)} MB, half ${halfMb.toFixed(1)} MB, all ${endMb.toFixed(1)} MB`,
)
const grows = endMb - warmMb > MAX_GROWTH_MB
if (grows) console.error('memory grows')
if (large.some((status) => status >= 500)) console.error('a large body is a server error')
process.exitCode = report.flaws.length > 0 || grows || large.some((status) => status >= 500) ? 1 : 0
