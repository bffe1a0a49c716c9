/** One way for every request to S3: errors become kinds, etags lose their quotes, a wrong clock is put right once. */
import type { S3Client } from '@aws-sdk/client-s3'
import type { PutOptions } from '#lib/bucket/bucket.ts'
import { throwIfAborted } from '#lib/bucket/cancellation.ts'
import { isKind } from '#lib/model/errors.ts'
import type { Denial } from './denials.ts'
import { isClockSkew, notS3, s3Error, type S3ErrorPlace } from './s3-errors.ts'
import type { CustomerKey, WriteSettings } from './s3-write-settings.ts'

/** As policies name it. */
export type S3Action =
  | 's3:GetObject'
  | 's3:ListBucket'
  | 's3:PutObject'
  | 's3:DeleteObject'
  | 's3:AbortMultipartUpload'

export interface S3RequestSettings {
  readonly client: S3Client
  readonly bucket: string
  readonly store: string
  readonly isPlain: boolean
  readonly writeSettings: WriteSettings
  readonly customerKey: CustomerKey
  readonly denied?: ((denial: Denial) => void) | undefined
}

/** The second argument of the SDK's `send`. */
export interface HttpOptions {
  readonly abortSignal?: AbortSignal
}

export class S3Requests {
  readonly client: S3Client
  readonly bucket: string
  readonly writeSettings: WriteSettings
  readonly customerKey: CustomerKey
  readonly #store: string
  readonly #isPlain: boolean
  readonly #denied: ((denial: Denial) => void) | undefined

  constructor(settings: S3RequestSettings) {
    this.client = settings.client
    this.bucket = settings.bucket
    this.writeSettings = settings.writeSettings
    this.customerKey = settings.customerKey
    this.#store = settings.store
    this.#isPlain = settings.isPlain
    this.#denied = settings.denied
  }

  /** `work` includes reading the body, because that fails as the request does. `action` is the right it takes. */
  async send<T>(
    action: S3Action,
    key: string | undefined,
    signal: AbortSignal | undefined,
    work: (http: HttpOptions) => Promise<T>,
  ): Promise<T> {
    throwIfAborted(signal)
    const http: HttpOptions = signal ? { abortSignal: signal } : {}
    try {
      return await work(http)
    } catch (error) {
      if (!isClockSkew(error)) throw this.#told(error, { key, action, signal })
    }
    // The answer had the right time in it, and the SDK signs the next request with that.
    try {
      return await work(http)
    } catch (error) {
      throw this.#told(error, { key, action, signal })
    }
  }

  #told(
    thrown: unknown,
    { key, action, signal }: Pick<S3ErrorPlace, 'key' | 'signal'> & { readonly action: S3Action },
  ): Error {
    const error = s3Error(thrown, { ...this.place(key), action, signal })
    if (isKind(error, 'unauthorized')) this.#denied?.({ action, key, error })
    return error
  }

  place(key: string | undefined): S3ErrorPlace {
    return { store: this.#store, isPlain: this.#isPlain, key }
  }

  /** Unquoted: AWS takes both, some stores only this in a condition. */
  etag(quoted: string | undefined): string {
    return quoted?.replace(/^W\//, '').replaceAll('"', '') ?? ''
  }

  /** Of an object that was read or written: whatever gives none is no store. */
  objectEtag(quoted: string | undefined, key: string): string {
    if (quoted === undefined) throw notS3(this.place(key))
    return this.etag(quoted)
  }

  conditions(options: PutOptions | undefined): { IfNoneMatch?: string; IfMatch?: string } {
    if (options?.ifAbsent) return { IfNoneMatch: '*' }
    return options?.ifMatch === undefined ? {} : { IfMatch: options.ifMatch }
  }
}
