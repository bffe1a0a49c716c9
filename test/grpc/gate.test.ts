import { expect, it } from 'vitest'
import { Gate } from '#lib/grpc/gate.ts'

const { signal } = new AbortController()

function job(
  gate: Gate,
  at = signal,
): { started: () => boolean; end: () => void; done: Promise<void> } {
  let started = false
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = gate.run(at, () => {
    started = true
    return promise
  })
  return { started: () => started, end: resolve, done }
}

it('runs so many, and the others in the order in which they came', async () => {
  const gate = new Gate(2)
  const jobs = [job(gate), job(gate), job(gate), job(gate)]
  expect(jobs.map(({ started }) => started())).toEqual([true, true, false, false])
  expect([gate.running, gate.waiting]).toEqual([2, 2])
  jobs[1]!.end()
  await jobs[1]!.done
  expect(jobs.map(({ started }) => started())).toEqual([true, true, true, false])
  for (const { end } of jobs) end()
  await Promise.all(jobs.map(({ done }) => done))
  expect([gate.running, gate.waiting]).toEqual([0, 0])
})

it('forgets who has gone, and gives the place back after an error', async () => {
  const gate = new Gate(1)
  const first = job(gate)
  const controller = new AbortController()
  const gone = job(gate, controller.signal)
  const third = job(gate)
  controller.abort(new Error('gone'))
  await expect(gone.done).rejects.toThrow('gone')
  first.end()
  await first.done
  expect([gone.started(), third.started()]).toEqual([false, true])
  third.end()
  await third.done
  await expect(gate.run(signal, () => Promise.reject(new Error('bad')))).rejects.toThrow('bad')
  await expect(gate.run(controller.signal, () => Promise.resolve(1))).rejects.toThrow('gone')
  expect([gate.running, gate.waiting]).toEqual([0, 0])
  expect(await gate.run(signal, () => Promise.resolve(7))).toBe(7)
})

it('has no bound with 0', () => {
  const gate = new Gate(0)
  const jobs = Array.from({ length: 100 }, () => job(gate))
  expect(jobs.every(({ started }) => started())).toBe(true)
})
