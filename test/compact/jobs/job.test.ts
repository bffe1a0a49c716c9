import { describe, expect, it } from 'vitest'
import { describeJob, formatJob, type Job, jobKey, parseJob } from '#lib/compact/jobs/job.ts'
import { testId } from '#test/store/sample-block.ts'

const [A, B] = [testId(1), testId(2)]

const JOBS: readonly Job[] = [
  { type: 'compact', inputs: [A, B] },
  { type: 'compact', inputs: [A, B], dedup: { func: 'penalty', replicaLabels: ['replica'] } },
  { type: 'cut', inputs: [A], parts: 3 },
  { type: 'part', ulid: A, part: 0 },
  { type: 'finish', ulid: A },
  { type: 'downsample', input: A, resolutionMs: 300_000 },
  { type: 'merge-packs', packs: ['thaw/fresh/a'], startMs: 0, endMs: 7_200_000 },
  { type: 'mark', ids: [A], reason: 'old' },
  { type: 'delete', ids: [A, B] },
  { type: 'delete-objects', keys: ['thaw/lookup/a'] },
]

describe('a job', () => {
  it.each(JOBS)('$type goes through the queue', (job) => {
    expect(parseJob(formatJob(job))).toEqual(job)
  })

  it('has nothing twice', () => {
    const ids = Array.from({ length: 30_000 }, (_, i) => [A, B][i % 2]!)
    expect(parseJob(formatJob({ type: 'delete', ids }))).toEqual({ type: 'delete', ids: [A, B] })
  })

  it('is named by its work', () => {
    const keys = JOBS.map(jobKey)
    expect(new Set(keys).size).toBe(JOBS.length)
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/)
    expect(jobKey(parseJob(formatJob(JOBS[1]!)))).toBe(keys[1])
  })

  it('is the same work cut or whole', () => {
    const inputs = [A, B]
    const keys = [2, 3].map((parts) => jobKey({ type: 'cut', inputs, parts }))
    expect(keys).toEqual([jobKey({ type: 'compact', inputs }), keys[0]])
  })

  it.each([
    ['', 'job is no JSON'],
    ['null', 'job is no object'],
    ['{"type":"x"}', 'no job of type "x"'],
    ['{"type":"compact"}', 'inputs is nothing, not a list of block ids'],
    ['{"type":"compact","inputs":[]}', 'inputs is [], not a list of block ids'],
    ['{"type":"compact","inputs":["../x"]}', 'not a list of block ids'],
    [`{"type":"part","ulid":"${A}","part":-1}`, 'part is -1, not a whole number from 0'],
    [`{"type":"delete-objects","keys":["${A}/index"]}`, 'not a list of keys under thaw/'],
    ['{"type":"merge-packs","packs":["thaw/fresh/a"],"startMs":5,"endMs":5}', 'endMs is 5'],
    [`{"type":"compact","inputs":["${A}"],"dedup":{"func":"x","replicaLabels":["a"]}}`, 'dedup'],
  ])('that is wrong is named: %s', (text, message) => {
    expect(() => parseJob(text)).toThrow(message)
  })

  it('is told in a line', () => {
    expect(JOBS.map(describeJob)).toMatchInlineSnapshot(`
      [
        "compact 2 blocks: 01000000000000000000000001, 01000000000000000000000002",
        "compact 2 blocks without replica: 01000000000000000000000001, 01000000000000000000000002",
        "cut the compaction of 1 block into 3 parts: 01000000000000000000000001",
        "make part 1 of block 01000000000000000000000001",
        "put the parts of block 01000000000000000000000001 together",
        "downsample block 01000000000000000000000001 to 5m",
        "make a block of 1 fresh ones, 1970-01-01T00:00:00.000Z to 1970-01-01T02:00:00.000Z",
        "mark 1 block for deletion, old: 01000000000000000000000001",
        "delete 2 blocks: 01000000000000000000000001, 01000000000000000000000002",
        "delete 1 object: thaw/lookup/a",
      ]
    `)
  })
})
