/** Results of rules to receivers of remote write: Thanos's stateless ruler. */
import { type Labels, mergeLabels } from '#lib/model/labels.ts'
import type { RemoteRequest, RemoteWrites } from '#lib/remote-write/remote-writes.ts'
import { resultSeries } from '../results/result-series.ts'
import type { Parcel } from './ruler-state.ts'
import type { ResultSink } from './tick-parts.ts'

export function remoteWriteSink(remotes: RemoteWrites, externalLabels: Labels): ResultSink {
  return {
    isRead: false,
    parcels(samples) {
      const series = resultSeries(samples).map((one) => ({
        ...one,
        labels: mergeLabels(one.labels, externalLabels),
      }))
      return remotes.requests(series).map((request): Parcel => ({
        key: request.remote,
        body: Buffer.from(request.body).toString('base64'),
        samples: request.samples + request.histograms,
      }))
    },
    async deliver(parcels, signal) {
      const parcelOf = new Map(parcels.map((parcel) => [requestOf(parcel), parcel]))
      const { unsent, remotes: reports } = await remotes.send([...parcelOf.keys()], signal)
      const problems = reports.flatMap(({ name, failed, lastError }) => {
        if (lastError === '') return []
        return `remote write ${name}: ${lastError}${failed > 0 ? `, ${failed} samples refused` : ''}`
      })
      return { left: unsent.map((request) => parcelOf.get(request)!), problems }
    },
    tidy: async (known) => known,
  }
}

/** Samples of both kinds are counted together. */
function requestOf({ key, body, samples }: Parcel): RemoteRequest {
  return { remote: key, body: new Uint8Array(Buffer.from(body, 'base64')), samples, histograms: 0 }
}
