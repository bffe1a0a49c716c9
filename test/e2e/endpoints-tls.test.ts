/** Thanos's store behind TLS, with and without certificates of clients, as an endpoint of thaw. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { openEndpoints } from '#lib/endpoints/open-endpoints.ts'
import { querySettings } from '#lib/lambda/query-flags.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import type { ApiAnswer } from './support/ask.ts'
import { thawOver } from './support/thaw-app.ts'
import { startStore } from './support/thanos-components.ts'

const THANOS = process.env['THAW_THANOS']
const pem = (name: string): string => resolve('test/data/grpc-tls', name)

/** What a query finds over the endpoints of these flags. */
async function asked(...flags: readonly string[]): Promise<ApiAnswer> {
  const { endpoints: settings } = querySettings(flags)
  const endpoints = openEndpoints(settings!, { now: Date.now, log: () => undefined })
  onTestFinished(() => endpoints.close())
  const thaw = thawOver(memoryBucket(), { endpoints })
  return thaw('query', { query: 'count(stored)', time: Date.now() / 1000 - 49 * 3600 })
}

function describeTls(thanos: string): void {
  describe('a store behind TLS', () => {
    async function store(...flags: readonly string[]): Promise<string> {
      const dir = await mkdtemp(join(tmpdir(), 'thaw-endpoints-tls-'))
      const tls = [
        `--grpc-server-tls-cert=${pem('server.pem')}`,
        `--grpc-server-tls-key=${pem('server.key')}`,
      ]
      const { address, stop } = await startStore(thanos, dir, Date.now(), [...tls, ...flags])
      onTestFinished(async () => {
        await stop()
        await rm(dir, { recursive: true })
      })
      return address
    }
    const found = { status: 'success', data: { result: [{ value: [expect.anything(), '4'] }] } }

    it('is known by its authority', async () => {
      const address = await store()
      const secure = [
        `--endpoint=${address}`,
        '--grpc-client-tls-secure',
        `--grpc-client-tls-ca=${pem('ca.pem')}`,
      ]
      expect(await asked(...secure)).toMatchObject(found)
      expect(await asked(...secure, '--grpc-client-server-name=localhost')).toMatchObject(found)
      for (const wrong of [
        secure.slice(0, 1),
        secure.slice(0, 2),
        [...secure, `--grpc-client-tls-ca=${pem('other-ca.pem')}`],
        [...secure, '--grpc-client-server-name=elsewhere.example'],
      ]) {
        const { status, data, warnings } = await asked(...wrong)
        expect([status, data]).toEqual(['success', { resultType: 'vector', result: [] }])
        expect(warnings).toEqual([expect.stringContaining(`endpoint ${address}: `)])
      }
    })

    it('lets in who has a certificate', async () => {
      const address = await store(`--grpc-server-tls-client-ca=${pem('ca.pem')}`)
      const file = (own: object) =>
        `--endpoint.sd-config=${JSON.stringify({
          endpoints: [
            { address, client_config: { tls_config: { ca_file: pem('ca.pem'), ...own } } },
          ],
        })}`
      const client = { cert_file: pem('client.pem'), key_file: pem('client.key') }
      expect(await asked(file(client))).toMatchObject(found)
      expect((await asked(file({}))).warnings).toEqual([
        expect.stringContaining(`endpoint ${address}: `),
      ])
    })
  })
}

if (THANOS === undefined) {
  describeSkipped('a store behind TLS', { missing: 'THAW_THANOS names no Thanos' })
} else describeTls(THANOS)
