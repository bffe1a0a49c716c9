import { expect, it } from 'vitest'
import { labelsFrom } from '#lib/model/labels.ts'
import type { RemoteRequest, RemoteWrites } from '#lib/remote-write/remote-writes.ts'
import type { ResultSample } from '#lib/rules/evaluate/contract.ts'
import { remoteWriteSink } from '#lib/rules/tick/remote-write-sink.ts'

/** Two receivers, `a` and `b`; the bodies say which series they are of. */
function fakeRemotes(down: ReadonlySet<string>): RemoteWrites & { readonly got: string[] } {
  const got: string[] = []
  return {
    got,
    requests: (series) =>
      ['a', 'b'].map((remote) => ({
        remote,
        body: new TextEncoder().encode(JSON.stringify(series.map(({ labels }) => labels))),
        samples: series.reduce((sum, { samples }) => sum + samples.length, 0),
        histograms: 0,
      })),
    async send(requests) {
      const isDown = ({ remote }: RemoteRequest): boolean => down.has(remote)
      for (const request of requests) {
        if (!isDown(request))
          got.push(`${request.remote} ${new TextDecoder().decode(request.body)}`)
      }
      const none = { samples: 0, histograms: 0, failed: 0, retried: 0, bytes: 0 }
      return {
        unsent: requests.filter(isDown),
        remotes: ['a', 'b'].map((name) => ({
          name,
          url: `http://${name}`,
          ...none,
          lastError: down.has(name) ? 'connection refused' : '',
        })),
      }
    },
    close() {},
  }
}

const SAMPLES: readonly ResultSample[] = [
  { labels: labelsFrom({ __name__: 'sum' }), timeMs: 1, value: 2 },
  { labels: labelsFrom({ __name__: 'sum' }), timeMs: 2, value: 3 },
]
const SIGNAL = new AbortController().signal
const SERIES = '[["__name__","sum","ruler","thaw"]]'

it('results go to every receiver, under the external labels', async () => {
  const remotes = fakeRemotes(new Set())
  const sink = remoteWriteSink(remotes, labelsFrom({ ruler: 'thaw' }))
  const parcels = sink.parcels(SAMPLES, { epoch: 'Er', number: 0 })
  expect(parcels.map(({ key, samples }) => [key, samples])).toEqual([
    ['a', 2],
    ['b', 2],
  ])
  expect(await sink.deliver(parcels, SIGNAL)).toEqual({ left: [], problems: [] })
  expect(remotes.got).toEqual([`a ${SERIES}`, `b ${SERIES}`])
  expect(sink.isRead).toBe(false)
})

it('what a receiver does not take now is left, as it was', async () => {
  const remotes = fakeRemotes(new Set(['a']))
  const sink = remoteWriteSink(remotes, labelsFrom({ ruler: 'thaw' }))
  const parcels = sink.parcels(SAMPLES, { epoch: 'Er', number: 0 })
  expect(await sink.deliver(parcels, SIGNAL)).toEqual({
    left: [parcels[0]],
    problems: ['remote write a: connection refused'],
  })
  expect(remotes.got).toEqual([`b ${SERIES}`])
})
