/** Archives as tar and ar have them, from files in memory. The same files give the same bytes. */

export interface PackedFile {
  /** Without a slash at its beginning. A directory ends with one. */
  readonly path: string
  readonly mode: number
  readonly bytes?: Uint8Array | undefined
  /** Makes it a symbolic link. */
  readonly target?: string | undefined
}

const BLOCK = 512

/** POSIX.1-1988 (ustar), all files root's, directories before what is in them. Paths of up to 100 bytes. */
export function tar(files: readonly PackedFile[], modifiedSeconds: number): Buffer {
  const parts: Uint8Array[] = []
  for (const file of [...directoriesOf(files), ...files].sort(byPath)) {
    const bytes = file.bytes ?? Buffer.alloc(0)
    parts.push(tarHeader(file, bytes.length, modifiedSeconds), bytes)
    parts.push(Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK))
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

function byPath(a: PackedFile, b: PackedFile): number {
  return a.path < b.path ? -1 : 1
}

function directoriesOf(files: readonly PackedFile[]): PackedFile[] {
  const paths = new Set<string>()
  for (const { path } of files) {
    const names = path.split('/').slice(0, -1)
    names.forEach((_, i) => paths.add(`${names.slice(0, i + 1).join('/')}/`))
  }
  return [...paths].map((path) => ({ path, mode: 0o755 }))
}

function tarHeader(file: PackedFile, size: number, modifiedSeconds: number): Buffer {
  const header = Buffer.alloc(BLOCK)
  const name = `./${file.path === './' ? '' : file.path}`
  if (Buffer.byteLength(name) > 100) throw new RangeError(`${name} is longer than 100 bytes`)
  const octal = (value: number, at: number, length: number): void => {
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at)
  }
  header.write(name, 0)
  octal(file.mode, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size, 124, 12)
  octal(modifiedSeconds, 136, 12)
  header.write(file.target !== undefined ? '2' : name.endsWith('/') ? '5' : '0', 156)
  header.write(file.target ?? '', 157)
  header.write('ustar\x0000', 257)
  header.write('root', 265)
  header.write('root', 297)
  header.write('        ', 148)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** The common archive format, as Debian's packages are. */
export function ar(
  members: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  modifiedSeconds: number,
): Buffer {
  const parts: Uint8Array[] = [Buffer.from('!<arch>\n')]
  for (const { name, bytes } of members) {
    const fields = [
      name.padEnd(16),
      String(modifiedSeconds).padEnd(12),
      '0'.padEnd(6),
      '0'.padEnd(6),
      '100644'.padEnd(8),
      String(bytes.length).padEnd(10),
    ]
    parts.push(Buffer.from(`${fields.join('')}\`\n`), bytes)
    if (bytes.length % 2 === 1) parts.push(Buffer.from('\n'))
  }
  return Buffer.concat(parts)
}
