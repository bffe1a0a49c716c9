/** The real promtool reads what thaw writes: same samples as in the golden block the samples came from. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { BlockReader } from '#lib/tsdb/block/block-reader.ts'
import { BlockWriter } from '#lib/tsdb/block/block-writer.ts'
import { formatBlockMeta } from '#lib/tsdb/block/meta.ts'
import { writeTombstones } from '#lib/tsdb/block/tombstones.ts'
import { type GoldenBlock, goldenBlocks } from './golden.ts'

const promtool = process.env['THAW_PROMTOOL'] ?? 'promtool'
const found = run(['--version'])
/** A promtool built from source may not know its version; then it is a new one. */
const version = /version ([0-9]+\.[0-9]+)/.exec(found.text)?.[1] ?? 'of unknown version'
const work = mkdtempSync(join(tmpdir(), 'thaw-promtool-'))
afterAll(() => rmSync(work, { recursive: true }))

function run(args: string[]): { ok: boolean; text: string } {
  const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: 'utf8' })
  return { ok: status === 0, text: `${stdout ?? ''}${stderr ?? ''}` }
}

if (!found.ok) console.warn(`skipped: no ${promtool} to run (set THAW_PROMTOOL)`)
// Before 3.0 promtool knows no custom buckets and before 3.14 no encodings 4 to 6; ours never have the latter.
const modern = !/^[0-2]\./.test(version)
const readable = goldenBlocks().filter(
  ({ producer }) => modern || /^prometheus-[0-9.]+$/.test(producer),
)
describe.skipIf(!found.ok).each(readable)(
  `promtool ${version} and the samples of $producer`,
  (golden) => {
    const folder = join(work, golden.producer)
    const { stats } = writeAgain(golden, folder)

    it('lists our block with its counts', () => {
      const { ok, text } = run(['tsdb', 'list', folder])
      const { numSamples, numChunks, numSeries } = stats
      expect(ok).toBe(true)
      expect(text).toMatch(
        new RegExp(`${golden.ulid} .* ${numSamples} +${numChunks} +${numSeries} `),
      )
    })

    it('analyzes it', () => {
      const { ok, text } = run(['tsdb', 'analyze', folder, golden.ulid])
      expect(ok).toBe(true)
      expect(text).toMatch(new RegExp(`Series: ${stats.numSeries}\n`))
    })

    it('dumps the same samples from it', () => {
      const theirs = join(work, `${golden.producer}-golden`)
      const place = join(theirs, golden.ulid)
      cpSync(golden.folder, place, { recursive: true })
      mkdirSync(join(theirs, 'wal'))
      const expected = run(['tsdb', 'dump', theirs])
      // A promtool that can't read its elders' or youngers' chunks has nothing to compare with.
      expect(expected.ok).toBe(true)
      const dumped = run(['tsdb', 'dump', folder])
      expect(dumped.text).toEqual(expected.text)
      expect(dumped.text.split('\n').length).toBeGreaterThan(stats.numSamples - 100)
    })
  },
)

/** A block of the golden one's samples, all decoded and encoded by us. */
function writeAgain(golden: GoldenBlock, folder: string): BlockReader['meta'] {
  const reader = new BlockReader(golden.files)
  const pieces = new Map<string, Uint8Array[]>()
  const writer = new BlockWriter({
    write: (file, bytes) => void pieces.set(file, [...(pieces.get(file) ?? []), bytes]),
    segmentSize: 4000,
    pieceSize: 1000,
  })
  for (const series of reader.index.allSeries()) {
    writer.addSeries(series.labels, reader.samples(series))
  }
  const { minTime, maxTime, ulid } = reader.meta
  const { meta } = writer.finish({ ulid, minTimeMs: minTime, maxTimeMs: maxTime })
  const place = (name: string): string => join(folder, ulid, name)
  mkdirSync(join(folder, 'wal'), { recursive: true })
  for (const [name, parts] of pieces) {
    mkdirSync(dirname(place(name)), { recursive: true })
    writeFileSync(place(name), Buffer.concat(parts))
  }
  writeFileSync(place('meta.json'), formatBlockMeta(meta))
  writeFileSync(place('tombstones'), writeTombstones(new Map()))
  return meta
}
