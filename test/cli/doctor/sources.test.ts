/** Sources that go silent, have gaps, or share a name. */
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { describe } from 'vitest'
import { ulid } from 'ulid'
import { type Ailment, index, itFinds } from './ailment.ts'
import { HOUR, MINUTE, putSamplesBlock, putSamplesPack } from './installation.ts'

const AILMENTS: readonly Ailment[] = [
  {
    name: 'an agent that is silent',
    ail: async (all) => {
      const samples = { epoch: ulid(all.nowMs - 5 * HOUR), number: 0, external: { cluster: 'us' } }
      const toMs = all.nowMs - 3 * HOUR
      const key = await putSamplesPack(all.bucket, { ...samples, fromMs: toMs - HOUR, toMs })
      await utimes(join(all.dir, 'bucket', key), toMs / 1000, toMs / 1000)
    },
    level: 'wrong',
    found: /^agents newest samples: 1 of 2 sources is silent/,
    seen: /^\{cluster="us"\}: 3h(\d+[ms])? ago$/,
    next: /thaw doctor --agent.url/,
  },
  {
    name: 'an agent that ships blocks and has stopped',
    ail: async (all) => {
      await putSamplesBlock(all.bucket, 9, all.nowMs - 20 * HOUR, { cluster: 'us' })
      await index(all)
    },
    level: 'wrong',
    found: /^agents newest samples: 1 of 2 sources is silent/,
    seen: /^\{cluster="us"\}: 18h(\d+[ms])? ago$/,
    next: /thaw doctor --agent.url/,
  },
  {
    name: 'nobody who puts samples there',
    ail: async ({ bucket }) => {
      for await (const { objects } of bucket.list('')) {
        for (const { key } of objects) {
          if (!/^thaw\/(rule|tokens|backlog)/.test(key)) await bucket.delete(key)
        }
      }
    },
    level: 'warning',
    found: /^agents newest samples: nobody puts samples into the bucket/,
    next: /thaw agent --tsdb.path/,
    also: ['agents prometheus', 'api newest samples', 'api a sample of'],
  },
  {
    name: 'a gap',
    ail: async (all) => {
      await putSamplesBlock(all.bucket, 9, Math.floor(all.nowMs / HOUR) * HOUR - 40 * HOUR)
      await index(all)
    },
    level: 'warning',
    found: /^agents gaps: there are no samples of a time in between/,
    seen: /^\{cluster="eu", replica="a"\}: from 20.* to 20/,
    next: /thaw bucket upload-blocks/,
  },
  {
    name: 'two Prometheuses under one name',
    ail: async (all) => {
      const windowMs = Math.floor(all.nowMs / (2 * HOUR)) * 2 * HOUR
      await putSamplesBlock(all.bucket, 11, windowMs - 2 * HOUR)
      await putSamplesBlock(all.bucket, 12, windowMs - 4 * HOUR)
      await index(all)
    },
    level: 'wrong',
    found: /^agents replicas: two Prometheuses ship blocks under the same external labels/,
    seen: /^\{cluster="eu", replica="a"\}: \w{26} and \w{26}, both from/,
    next: /replica: a and replica: b/,
  },
  {
    name: 'two agents under one name',
    ail: async (all) => {
      const fromMs = all.nowMs - 30 * MINUTE
      const epoch = ulid(fromMs)
      await putSamplesPack(all.bucket, { epoch, number: 0, fromMs, toMs: all.nowMs - 10_000 })
    },
    level: 'wrong',
    found: /^agents one agent each: two agents write fresh samples under the same external labels/,
    next: /stop one of them/,
  },
]

describe('thaw doctor', () => {
  itFinds(AILMENTS)
})
