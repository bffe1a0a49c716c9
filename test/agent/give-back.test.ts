import { expect, it } from 'vitest'
import { garbageCollector } from '#agent/give-back.ts'

/** Buffers that live as long as the call. */
function grow(): number {
  const buffers = Array.from({ length: 32 }, () => new ArrayBuffer(1 << 20))
  return process.memoryUsage().arrayBuffers - buffers.length
}

it('buffers that nobody has any more are gone', () => {
  const giveBack = garbageCollector()
  giveBack()
  const before = process.memoryUsage().arrayBuffers
  expect(grow() - before).toBeGreaterThan(30 << 20)
  giveBack()
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 << 20)
})
