import { expect, it } from 'vitest'
import { healthMessages, healthService } from '#lib/grpc/health.ts'
import { ask, connect, echoService, open, startServer } from './running-server.ts'
import { loadProto, plain } from './proto-files.ts'

const service = echoService((request) => Promise.resolve(request))
const { checkRequest, checkResponse } = healthMessages

const of = (name: string): Uint8Array => checkRequest.encode({ service: name })

it('says of the whole and of each service whether it serves', async () => {
  const server = await startServer([service])
  const client = connect(server.port)
  const check = async (name: string): Promise<string> =>
    checkResponse.decode(await ask(client, healthService.check, of(name))).status
  expect([await check(''), await check('test.Echo')]).toEqual(['NOT_SERVING', 'NOT_SERVING'])
  server.isServing = true
  expect([await check(''), await check('test.Echo')]).toEqual(['SERVING', 'SERVING'])
  await expect(check('nobody')).rejects.toThrow('5 NOT_FOUND: unknown service')
})

it('tells watchers of each change', async () => {
  const server = await startServer([service])
  const client = connect(server.port)
  const watching = open(client, healthService.watch, of(''))
  const seen: string[] = []
  for await (const frame of watching) {
    seen.push(checkResponse.decode(frame as Uint8Array).status)
    server.isServing = seen.length === 1
    if (seen.length === 3) break
  }
  expect(seen).toEqual(['NOT_SERVING', 'SERVING', 'NOT_SERVING'])
  const unknown = open(client, healthService.watch, of('nobody'))
  for await (const frame of unknown) {
    expect(checkResponse.decode(frame as Uint8Array).status).toBe('SERVICE_UNKNOWN')
    break
  }
})

it('ends watchers with the server, which does not wait for them', async () => {
  const server = await startServer([service])
  server.isServing = true
  const watching = open(connect(server.port), healthService.watch, of(''))
  const seen: string[] = []
  let ended: Promise<void> | undefined
  for await (const frame of watching) {
    seen.push(checkResponse.decode(frame as Uint8Array).status)
    // Longer than the test may take.
    ended ??= server.stop(600_000)
  }
  await ended
  expect(seen).toEqual(['SERVING', 'NOT_SERVING'])
})

it('has the messages of proto/health.proto', () => {
  const type = loadProto('health').lookupType('HealthCheckResponse')
  expect(plain(type, checkResponse.encode({ status: 'SERVICE_UNKNOWN' }))).toEqual({
    status: 'SERVICE_UNKNOWN',
  })
})
