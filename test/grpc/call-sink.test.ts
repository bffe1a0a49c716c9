// Frames on their way to a client, which the test takes when it wants to.
import { expect, it } from 'vitest'
import { CallSink } from '#lib/grpc/call-sink.ts'
import { DomainError } from '#lib/model/errors.ts'

const FRAME = new Uint8Array(300_000)

function slowClient() {
  const written: (() => void)[] = []
  const stream = { write: (_: Uint8Array, done: () => void) => written.push(done) }
  return { stream, written, take: () => written.shift()!() }
}

it('asks for the next frame as long as half a megabyte waits, and then when the client takes one', async () => {
  const { stream, written, take } = slowClient()
  let sent = 0
  const sink = new CallSink(stream, new AbortController().signal, () => sent++)
  await sink.write(FRAME)
  const events: string[] = []
  const second = async (): Promise<void> => {
    await sink.write(FRAME)
    events.push('asks')
  }
  const asking = second()
  await new Promise(setImmediate)
  events.push('takes')
  expect([written.length, sent]).toEqual([2, 2])
  take()
  await asking
  expect(events).toEqual(['takes', 'asks'])
})

it('gives up a client that takes nothing', async () => {
  const { stream } = slowClient()
  const sink = new CallSink(stream, new AbortController().signal, () => undefined, 20)
  await sink.write(FRAME)
  await expect(sink.write(FRAME)).rejects.toEqual(
    new DomainError('timeout', 'the client has taken nothing for 20 ms'),
  )
})

it('ends with its client', async () => {
  const { stream } = slowClient()
  const controller = new AbortController()
  const sink = new CallSink(stream, controller.signal, () => undefined)
  await sink.write(FRAME)
  const waiting = sink.write(FRAME)
  controller.abort(new DomainError('canceled', 'gone'))
  await expect(waiting).rejects.toThrow('gone')
  await expect(sink.write(FRAME)).rejects.toThrow('gone')
})
