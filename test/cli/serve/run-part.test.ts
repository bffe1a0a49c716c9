/** The thread of a part: a bucket that is away is waited for, one that will not do ends the process. */
import { MessageChannel } from 'node:worker_threads'
import { describe, expect, it, vi } from 'vitest'
import type { FromPart, ToPart } from '#cli/serve/part-messages.ts'
import type { PartWork } from '#cli/serve/part-work.ts'
import { runPart } from '#cli/serve/run-part.ts'
import { aborted } from '#agent/sleep.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { DomainError } from '#lib/model/errors.ts'

const away = (): Promise<never> =>
  Promise.reject(new DomainError('unavailable', 'the bucket is away'))

const idle: PartWork = async ({ signal, tell }) => ({
  async run() {
    tell({ type: 'ready' })
    await aborted(signal)
  },
  reload: () => Promise.resolve(),
})

function start(bucket: Bucket, work: PartWork) {
  const { port1, port2 } = new MessageChannel()
  const told: FromPart[] = []
  port2.on('message', (message: FromPart) => void told.push(message))
  const ran = runPart(
    {
      name: 'rule',
      flags: '',
      yaml: '',
      env: {},
      log: { level: 'error', format: 'logfmt' },
      cacheBytes: 1,
    },
    port1,
    async () => work,
    { againMs: 1, open: async () => bucket },
  )
  const tell = (message: ToPart): void => port2.postMessage(message, [])
  return { told, tell, ran, typesOf: () => told.map(({ type }) => type) }
}

describe('the thread of a part', () => {
  it('waits for a bucket that is away, works when it is there, and ends when it is told to', async () => {
    const inner = memoryBucket()
    let isAway = true
    const put: Bucket['put'] = (...call) => (isAway ? away() : inner.put(...call))
    const { told, tell, ran, typesOf } = start({ ...inner, put }, idle)
    await vi.waitFor(() => expect(typesOf()).toContain('failed'))
    expect(typesOf()).not.toContain('ready')
    isAway = false
    await vi.waitFor(() => expect(typesOf()).toContain('ready'))
    tell({ type: 'metrics', id: 7 })
    await vi.waitFor(() => expect(told).toContainEqual(expect.objectContaining({ id: 7 })))
    tell({ type: 'stop' })
    await ran
    expect(typesOf()).not.toContain('refused')
  })

  it('can be stopped while it waits', async () => {
    const { tell, ran, typesOf } = start({ ...memoryBucket(), put: away }, idle)
    await vi.waitFor(() => expect(typesOf()).toContain('failed'))
    tell({ type: 'stop' })
    await ran
    expect(typesOf()).not.toContain('ready')
  })

  it('tells what will not do, and ends by what is a bug', async () => {
    const refusing = start(memoryBucket(), () =>
      Promise.reject(new DomainError('invalid', 'no such file')),
    )
    await refusing.ran
    await vi.waitFor(() =>
      expect(refusing.told).toEqual([{ type: 'refused', message: 'no such file' }]),
    )
    const broken = start(memoryBucket(), () => Promise.reject(new Error('a bug')))
    await expect(broken.ran).rejects.toThrow('a bug')
  })
})
