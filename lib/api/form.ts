/** The parameters of a request: those of a form body first, then those of the URL, read as Go's net/http reads them. */
import { DomainError } from '#lib/model/errors.ts'
import { quoteGo } from '#lib/model/labels.ts'

/** Go's own limit for a form body. */
export const MAX_FORM_BYTES = 10 * 1024 * 1024

export class Form {
  readonly #pairs: readonly Pair[]
  readonly #url: readonly Pair[]
  /** What was wrong with a pair that was left out. Most endpoints of Prometheus don't look. */
  readonly flaw: string | undefined

  /** `parts`: the URL among them, in the order of their precedence. */
  constructor(parts: readonly Pairs[], url: Pairs) {
    this.#pairs = parts.flatMap(({ pairs }) => pairs)
    this.#url = url.pairs
    this.flaw = parts.find(({ flaw }) => flaw !== undefined)?.flaw
  }

  /** The first value, '' when there is none. */
  get(name: string): string {
    return first(this.#pairs, name) ?? ''
  }

  all(name: string): string[] {
    return this.#pairs.filter(([key]) => key === name).map(([, value]) => value)
  }

  /** Of the URL only. */
  fromUrl(name: string): string {
    return first(this.#url, name) ?? ''
  }
}

type Pair = readonly [string, string]

interface Pairs {
  readonly pairs: readonly Pair[]
  readonly flaw: string | undefined
}

function first(pairs: readonly Pair[], name: string): string | undefined {
  return pairs.find(([key]) => key === name)?.[1]
}

/** Rejects with `invalid` when the body is too large. A body of another type is left alone, as Prometheus does. */
export async function readForm(request: Request): Promise<Form> {
  const url = urlPairs(request.url)
  if (request.method !== 'POST' || request.body === null) return new Form([url], url)
  const contentType = request.headers.get('content-type') ?? ''
  const mediaType = contentType.split(';', 1)[0]!.trim().toLowerCase()
  if (mediaType === 'application/x-www-form-urlencoded') {
    return new Form([parsePairs(latin1(await readLimited(request))), url], url)
  }
  // What Go reads later comes later.
  if (mediaType === 'multipart/form-data') {
    return new Form([url, await parseMultipart(await readLimited(request), contentType)], url)
  }
  return new Form([url], url)
}

/** For a body that is no form, whatever its type says. */
export function readUrlForm(request: Request): Form {
  const url = urlPairs(request.url)
  return new Form([url], url)
}

function urlPairs(url: string): Pairs {
  const queryAt = url.indexOf('?')
  const hashAt = url.indexOf('#')
  return parsePairs(queryAt < 0 ? '' : url.slice(queryAt + 1, hashAt < 0 ? undefined : hashAt))
}

const FORM_LIMIT: BodyLimit = {
  limit: MAX_FORM_BYTES,
  message: 'error parsing form values: http: POST too large',
}

export interface BodyLimit {
  readonly limit: number
  /** Of the error where the body is larger. */
  readonly message: string
}

/** The whole body, counted while it comes: a declared length is not proof. */
export async function readLimited(
  request: Request,
  { limit, message } = FORM_LIMIT,
): Promise<Uint8Array> {
  const tooLarge = new DomainError('invalid', message)
  if (Number(request.headers.get('content-length') ?? 0) > limit) throw tooLarge
  if (request.body === null) return new Uint8Array(0)
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of request.body as AsyncIterable<Uint8Array>) {
    length += piece.length
    if (length > limit) throw tooLarge
    pieces.push(piece)
  }
  return Buffer.concat(pieces, length)
}

async function parseMultipart(body: Uint8Array, contentType: string): Promise<Pairs> {
  try {
    const parsed = new Response(new Uint8Array(body), { headers: { 'content-type': contentType } })
    const pairs: Pair[] = []
    for (const [name, value] of await parsed.formData()) {
      if (typeof value === 'string') pairs.push([name, value])
    }
    return { pairs, flaw: undefined }
  } catch {
    return { pairs: [], flaw: 'malformed multipart form' }
  }
}

/** `a=1&a=2&b`. A pair with a bad escape or a semicolon is left out and named in `flaw`. */
export function parsePairs(text: string): Pairs {
  const pairs: Pair[] = []
  let flaw: string | undefined
  for (const part of text.split('&')) {
    if (part === '') continue
    if (part.includes(';')) {
      flaw ??= 'invalid semicolon separator in query'
      continue
    }
    const equals = part.indexOf('=')
    const name = unescapeForm(equals < 0 ? part : part.slice(0, equals))
    const value = unescapeForm(equals < 0 ? '' : part.slice(equals + 1))
    if (typeof name === 'object') flaw ??= name.flaw
    else if (typeof value === 'object') flaw ??= value.flaw
    else pairs.push([name, value])
  }
  return { pairs, flaw }
}

/** `+` is a space; `%xx` are bytes of UTF-8. */
function unescapeForm(text: string): string | { readonly flaw: string } {
  const bad = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(text)
  if (bad !== null) {
    const bytes = Buffer.from(bad[0], 'latin1')
    return { flaw: `invalid URL escape ${quoteGo(bytes.toString('utf8'))}` }
  }
  const spaced = text.replaceAll('+', ' ')
  const bytes = spaced.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
