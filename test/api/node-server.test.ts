import { request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { listen, type Listening } from '#lib/api/node-server.ts'
import type { QueryBackend } from '#lib/promql/backend.ts'
import { form, hangingBackend, testApp } from './fake-backend.ts'

describe('the API on a port', () => {
  let server: Listening | undefined
  afterEach(async () => {
    await server?.close()
    server = undefined
  })

  it('answers GET, POST and compressed', async () => {
    const { app, asked } = testApp()
    server = await listen(app, { port: 0, host: '127.0.0.1' })
    const got = await fetch(`${server.url}/api/v1/query?query=up&time=1`)
    expect(got.headers.get('content-encoding')).toBe('gzip')
    expect(await got.json()).toEqual({
      status: 'success',
      data: { resultType: 'vector', result: [] },
    })
    await fetch(`${server.url}/api/v1/query?time=1`, form('query=up&time=2'))
    expect(asked.queries.map(({ grid }) => grid.startMs)).toEqual([1000, 2000])
  })

  it('tells the query that the client went away', async () => {
    const aborted = Promise.withResolvers<unknown>()
    const asked = Promise.withResolvers<void>()
    const hanging = hangingBackend()
    const backend: QueryBackend = {
      ...hanging,
      query: (request, signal) => {
        signal!.addEventListener('abort', () => aborted.resolve(signal!.reason))
        asked.resolve()
        return hanging.query(request)
      },
    }
    server = await listen(testApp({}, { backend }).app, { port: 0, host: '127.0.0.1' })
    const client = request(`${server.url}/api/v1/query?query=up`)
    client.on('error', () => {})
    client.end()
    await asked.promise
    client.destroy()
    expect(await aborted.promise).toMatchObject({ kind: 'canceled' })
  })

  it('says that a port is taken', async () => {
    const { app } = testApp()
    server = await listen(app, { port: 0, host: '127.0.0.1' })
    await expect(listen(app, { port: server.port, host: '127.0.0.1' })).rejects.toThrow(
      'EADDRINUSE',
    )
  })
})
