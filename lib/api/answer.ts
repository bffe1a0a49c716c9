/** What a handler answers with, before compression and cross-origin headers; and the answers that are small. */
import { stringifyJson } from './json-bytes.ts'
import { errorMessage, errorStatus, type ErrorStatus } from './status.ts'

export interface Answer {
  readonly status: number
  /** `undefined` where there is no body. */
  readonly contentType: string | undefined
  readonly body: Uint8Array<ArrayBuffer> | Pieces
  /** Sent where pieces break off, for a body of which a part could pass for the whole. */
  readonly breakOff?: Uint8Array<ArrayBuffer> | undefined
  /** Half an answer and an error must not be kept by caches on the way. */
  readonly cacheable: boolean
  /** More than its type and length. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/**
 * A body as it is made: nothing more is made than is taken. What is wrong before the first piece is an error like any other;
 * after that the answer breaks off.
 */
export type Pieces = Iterable<Uint8Array<ArrayBuffer>> | AsyncIterable<Uint8Array<ArrayBuffer>>

/** An answer whose body is there. */
export interface WholeAnswer extends Answer {
  readonly body: Uint8Array<ArrayBuffer>
}

export const JSON_TYPE = 'application/json'
export const TEXT_TYPE = 'text/plain; charset=utf-8'

const NO_BYTES = new Uint8Array(0)

export const NO_CONTENT: WholeAnswer = {
  status: 204,
  contentType: undefined,
  body: NO_BYTES,
  cacheable: true,
}

export function jsonAnswer<Body extends Answer['body']>(
  body: Body,
  cacheable = true,
): Answer & { readonly body: Body } {
  return { status: 200, contentType: JSON_TYPE, body, cacheable }
}

/** `{"status":"success","data":…}` */
export function dataAnswer(data: unknown, warnings: readonly string[] = []): WholeAnswer {
  const envelope = {
    status: 'success',
    data,
    ...(warnings.length > 0 ? { warnings } : {}),
  }
  return jsonAnswer(utf8(stringifyJson(envelope)), warnings.length === 0)
}

export function textAnswer(status: number, text: string, contentType = TEXT_TYPE): WholeAnswer {
  return { status, contentType, body: utf8(text), cacheable: true }
}

export function errorAnswer(error: unknown): WholeAnswer {
  return errorBody(errorStatus(error), errorMessage(error))
}

export function errorBody({ status, errorType }: ErrorStatus, error: string): WholeAnswer {
  const body = stringifyJson({ status: 'error', errorType, error })
  return { status, contentType: JSON_TYPE, body: utf8(body), cacheable: false }
}

/** As Go's net/http writes an error that is not the API's. */
export function plainError(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): WholeAnswer {
  const answer = textAnswer(status, `${text}\n`)
  const nosniff = { 'x-content-type-options': 'nosniff' }
  return { ...answer, cacheable: false, headers: { ...nosniff, ...headers } }
}

/** For routes that do not speak JSON. */
export function textErrorAnswer(error: unknown): WholeAnswer {
  return plainError(errorStatus(error).status, errorMessage(error))
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}
