/** The S3 servers that bucket tests run against, each found or missing, with what is known to be wrong with it. */
import type { ContractSkip } from '#test/bucket/bucket.contract.ts'
import { isMissing, type Missing } from './cache.ts'
import { findMinio, startMinio } from './minio.ts'
import { findMoto, startMoto } from './moto.ts'
import { findRadosgw, startRadosgw } from './radosgw.ts'
import type { S3Server } from './s3-server.ts'
import { findSeaweedFs, startSeaweedFs } from './seaweedfs.ts'

export interface S3Peer {
  readonly name: string
  /** Or why there is none. */
  readonly start: (() => Promise<S3Server>) | Missing
  readonly skips: readonly ContractSkip[]
  /** False when it takes any credentials. */
  readonly checksSignatures: boolean
  /** A bucket that is not there is made by who writes to it. */
  readonly makesBuckets?: boolean
}

/** Fetches and builds what is not in the cache yet. */
export async function findS3Peers(): Promise<readonly S3Peer[]> {
  const [minio, moto, radosgw, seaweedfs] = await Promise.all([
    findMinio(),
    findMoto(),
    findRadosgw(),
    findSeaweedFs(),
  ])
  return [
    {
      name: 'MinIO',
      start: isMissing(minio) ? minio : () => startMinio(minio),
      skips: [],
      checksSignatures: true,
    },
    {
      name: 'moto',
      start: isMissing(moto) ? moto : () => startMoto(moto),
      skips: [
        {
          reason: 'moto completes a multipart upload whose If-Match does not hold',
          tests: ['streams with ifMatch only onto that version'],
        },
      ],
      checksSignatures: false,
    },
    {
      name: 'radosgw',
      start: isMissing(radosgw) ? radosgw : () => startRadosgw(radosgw),
      skips: [
        {
          reason: 'radosgw completes a multipart upload whatever its conditions',
          tests: [
            'streams several parts with ifAbsent only onto nothing',
            'streams with ifMatch only onto that version',
          ],
        },
      ],
      checksSignatures: true,
    },
    {
      name: 'SeaweedFS',
      start: isMissing(seaweedfs) ? seaweedfs : () => startSeaweedFs(seaweedfs),
      skips: [
        {
          reason:
            'SeaweedFS lists what is in a folder before the names that begin with that of the folder',
          tests: ['lists by UTF-8 bytes'],
        },
        {
          reason:
            'SeaweedFS leaves out the folder whose name, without a slash, it is to list behind',
          tests: ['lists what is in a folder behind the name of the folder'],
        },
      ],
      checksSignatures: true,
      makesBuckets: true,
    },
  ]
}
