/** How long does it take to make the sample data of `npm start`, and how large is it? Arguments: days, directory. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateSampleData } from '#localstack/sample-data/generate.ts'

const [days = '15', given] = process.argv.slice(2)
const dir = given ?? (await mkdtemp(join(tmpdir(), 'thaw-sample-data-')))
const cpu = process.cpuUsage()
const start = performance.now()
const { seriesCount, sampleCount, blocksWritten, bytes } = await generateSampleData({
  dir,
  nowMs: Date.UTC(2026, 10, 21, 7, 30),
  days: Number(days),
})
const seconds = (performance.now() - start) / 1000
const { user, system } = process.cpuUsage(cpu)
console.log(
  `${blocksWritten} blocks, ${seriesCount} series, ${(sampleCount / 1e6).toFixed(1)} M samples, ` +
    `${(bytes / 1e6).toFixed(1)} MB (${(bytes / sampleCount).toFixed(2)} bytes a sample)`,
)
console.log(
  `${seconds.toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of cpu, ` +
    `${((seconds * 1e9) / sampleCount).toFixed(0)} ns a sample, ` +
    `${(process.memoryUsage().rss / 1e6).toFixed(0)} MB resident`,
)
if (given === undefined) await rm(dir, { recursive: true, force: true })
