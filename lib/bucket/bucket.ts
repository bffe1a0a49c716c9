/** Objects by key: the only way anything in thaw sees storage. Implementations and wrappers share one contract suite. */

export interface Bucket {
  /** What logs and `/metrics` call it: `s3://name`, `file:///path`, `memory`. */
  readonly name: string

  /**
   * Up to this many bytes between two ranges of an object, one read of both and what lies between is cheaper than two reads:
   * much behind a network, little on a disk.
   */
  readonly readGap: number

  /** The whole object. Rejects with NotFoundError. */
  get(key: string, options?: GetOptions): Promise<BucketObject>

  /**
   * Like `get`, but undefined when the object's etag is still `etag`, at the price of one request and no bytes.
   */
  getIfChanged(key: string, etag: string, options?: GetOptions): Promise<BucketObject | undefined>

  /**
   * Bytes [start, end). Rejects with NotFoundError, or CorruptError when the object ends before `end`.
   * An empty range is answered without asking the store.
   */
  getRange(key: string, start: number, end: number, options?: GetOptions): Promise<Uint8Array>

  /**
   * The last `length` bytes, or the whole object when it is shorter; `size` is the object's. One request
   * (an empty object may take two).
   */
  getTail(key: string, length: number, options?: GetOptions): Promise<BucketTail>

  /** Size, etag and time without the bytes. Rejects with NotFoundError. */
  head(key: string, options?: GetOptions): Promise<ObjectInfo>

  /**
   * Keys that start with `prefix`, ascending by UTF-8 bytes, in pages as the store gives them.
   * With `delimiter` '/', keys are cut after the first '/' behind the prefix and given once, as `prefixes`;
   * objects and prefixes are each ascending, within and across pages. Nothing found is one empty page.
   */
  list(prefix: string, options?: ListOptions): AsyncIterable<ListPage>

  /**
   * Writes the whole object. With `ifAbsent` or `ifMatch` it rejects with ConflictError when the condition fails
   * (an object that is not there matches no etag). The bytes may be written again by the caller once it resolves.
   * A retried conditional write that finds its own bytes already there has won, not lost.
   */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<{ readonly etag: string }>

  /**
   * Writes an object of unknown size from a stream of parts, without ever holding it whole.
   * Nothing is visible until the promise resolves; on failure nothing stays behind.
   */
  putStream(
    key: string,
    parts: AsyncIterable<Uint8Array>,
    options?: PutOptions,
  ): Promise<{ readonly etag: string; readonly size: number }>

  /** Removes the object; one that is not there is fine. */
  delete(key: string, options?: GetOptions): Promise<void>
}

/** A request is about 30 ms and $0.4e-6, a connection brings about 80 MB/s: half a megabyte is read in a fifth of a request. */
export const OBJECT_STORE_READ_GAP = 512 * 1024

export interface GetOptions {
  readonly signal?: AbortSignal | undefined
}

export interface PutOptions {
  readonly ifAbsent?: boolean | undefined
  readonly ifMatch?: string | undefined
  readonly contentType?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ListOptions {
  readonly delimiter?: '/' | undefined
  /** Only keys, and with a delimiter only prefixes, greater than this one. */
  readonly startAfter?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface BucketObject {
  readonly body: Uint8Array
  readonly etag: string
}

export interface BucketTail {
  readonly body: Uint8Array
  readonly size: number
  readonly etag: string
}

export interface ObjectInfo {
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly lastModifiedMs: number
}

export interface ListPage {
  readonly objects: readonly ObjectInfo[]
  readonly prefixes: readonly string[]
  /** Nothing comes behind it. */
  readonly isLast: boolean
}
