/** A file that is read as a stream: plain or gzip, or standard input. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { DomainError } from '#lib/model/errors.ts'

export interface TextFile {
  readonly pieces: () => AsyncGenerator<Uint8Array>
  /** 0 where it is not known. */
  readonly size: number
}

/** `-` is standard input. Rejects with `invalid` where there is no such file; a gzip that is broken does when it is read. */
export async function textFile(name: string): Promise<TextFile> {
  if (name === '-') return { pieces: () => piecesOf(process.stdin, name), size: 0 }
  const found = await stat(name).catch((cause: Error) => {
    throw new DomainError('invalid', cause.message, { cause })
  })
  if (found.isDirectory()) throw new DomainError('invalid', `${name} is a directory`)
  const isPacked = name.endsWith('.gz')
  return {
    pieces() {
      const file = createReadStream(name, { highWaterMark: 1024 * 1024 })
      if (!isPacked) return piecesOf(file, name)
      const unpacked = createGunzip()
      file.on('error', (error) => unpacked.destroy(error))
      return piecesOf(file.pipe(unpacked), name)
    },
    size: isPacked ? 0 : found.size,
  }
}

async function* piecesOf(
  stream: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const pieces = stream[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await pieces.next().catch((cause: Error) => {
        throw new DomainError('invalid', `${name}: ${cause.message}`, { cause })
      })
      if (next.done === true) return
      yield next.value
    }
  } finally {
    await pieces.return?.()
  }
}
