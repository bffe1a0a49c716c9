/** The other end of `SliceWorkers`: answers the slices that come through a port, until the thread ends. */
import type { MessagePort } from 'node:worker_threads'
import { DomainError } from '#lib/model/errors.ts'
import { answerEvent } from './answer-event.ts'
import { encodeAnswer } from './frame.ts'
import type { SliceRunner } from './run-slice.ts'
import type { SliceEvent } from './slice.ts'
import type { SliceReply, SliceRequest } from './slice-workers.ts'

export function serveSlices(port: MessagePort, opened: Promise<SliceRunner>): void {
  const running = new Map<number, AbortController>()
  const answer = async (id: number, event: unknown): Promise<void> => {
    const controller = new AbortController()
    running.set(id, controller)
    const reply = await replyTo(id, framesOf(opened, event as SliceEvent, controller.signal))
    running.delete(id)
    port.postMessage(
      reply,
      reply.frames.map(({ buffer }) => buffer as ArrayBuffer),
    )
  }
  port.on('message', ({ id, event }: SliceRequest) => {
    if (event !== undefined) void answer(id, event)
    else running.get(id)?.abort(new DomainError('canceled', 'nobody waits for the answer'))
  })
}

async function replyTo(id: number, frames: Promise<readonly Uint8Array[]>): Promise<SliceReply> {
  try {
    return { id, frames: await frames }
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { id, frames: [], failure }
  }
}

async function framesOf(
  opened: Promise<SliceRunner>,
  event: SliceEvent,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = []
  for await (const frame of answerEvent(await opened, event, encodeAnswer, signal)) {
    frames.push(frame)
  }
  return frames
}
