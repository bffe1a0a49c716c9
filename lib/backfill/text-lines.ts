/** Bytes into lines of text, without their ends. */
import { DomainError } from '#lib/model/errors.ts'

/** Longer than any sample that a Prometheus takes. */
const MAX_LINE = 16 * 1024 * 1024

/** Some lines at a time. A last line without an end is one, unless it is empty. Rejects with `invalid` where it is not UTF-8. */
export async function* textLines(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let rest = ''
  let count = 0
  const decoded = (bytes?: Uint8Array): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode()
    } catch (cause) {
      const message = `behind line ${count}: the text is not UTF-8`
      throw new DomainError('invalid', message, { cause })
    }
  }
  for await (const piece of pieces) {
    const lines = (rest + decoded(piece)).split('\n')
    rest = lines.pop()!
    if (rest.length > MAX_LINE) {
      throw new DomainError('invalid', `line ${count + lines.length + 1} is too long`)
    }
    count += lines.length
    yield lines
  }
  rest += decoded()
  if (rest !== '') yield [rest]
}
