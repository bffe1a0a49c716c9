/** A worker thread that does what the event of a slice says, for tests of `SliceWorkers`. */
import { parentPort, threadId } from 'node:worker_threads'
import type { SliceReply, SliceRequest } from '#lib/query/slice-workers.ts'

export type FakeEvent = 'thread' | 'cancelled' | 'wait' | 'exit' | 'memory' | 'bug'

const cancelled: number[] = []

function answer(id: number, text: string): void {
  const frames = [new TextEncoder().encode(text)]
  parentPort!.postMessage({ id, frames } satisfies SliceReply, [frames[0]!.buffer])
}

parentPort!.on('message', ({ id, event }: SliceRequest) => {
  if (event === undefined) {
    cancelled.push(id)
    answer(id, 'too late')
    return
  }
  switch (event as FakeEvent) {
    case 'thread':
      return answer(id, String(threadId))
    case 'cancelled':
      return answer(id, JSON.stringify(cancelled))
    case 'wait':
      return
    case 'exit':
      return process.exit(3)
    case 'memory':
      throw Object.assign(new Error('heap'), { code: 'ERR_WORKER_OUT_OF_MEMORY' })
    case 'bug':
      parentPort!.postMessage({ id, frames: [], failure: 'x is not a function' }, [])
  }
})
