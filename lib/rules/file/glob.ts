/** Paths that match a pattern of Go's filepath.Glob: `rules/*.yml`, `team-[ab]/?.yaml`. */
import { readdir, stat } from 'node:fs/promises'
import { DomainError } from '#lib/model/errors.ts'
import { compareUtf8 } from '#lib/model/labels.ts'

/** Sorted. What can't be read is passed over, as in Go. Rejects with `invalid` for a pattern that is none. */
export async function globPaths(pattern: string): Promise<string[]> {
  if (!/[*?[\\]/.test(pattern)) return (await isThere(pattern)) ? [pattern] : []
  const isAbsolute = pattern.startsWith('/')
  const segments = pattern.split('/').filter((segment) => segment !== '')
  let paths = [isAbsolute ? '/' : '']
  for (const [i, segment] of segments.entries()) {
    const matches = matcherOf(segment)
    const isLast = i === segments.length - 1
    const next = await Promise.all(paths.map((path) => below(path, segment, matches, isLast)))
    paths = next.flat()
  }
  return paths.sort(compareUtf8)
}

async function below(
  directory: string,
  segment: string,
  matches: RegExp | undefined,
  isLast: boolean,
): Promise<string[]> {
  const join = (name: string): string =>
    directory === '' || directory === '/' ? directory + name : `${directory}/${name}`
  if (!matches) {
    const path = join(segment)
    return !isLast || (await isThere(path)) ? [path] : []
  }
  const names = await readdir(directory === '' ? '.' : directory).catch(() => [])
  return names.filter((name) => matches.test(name)).map(join)
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** Undefined: the segment is a name. */
function matcherOf(segment: string): RegExp | undefined {
  if (!/[*?[\\]/.test(segment)) return undefined
  let source = ''
  let rest = segment
  while (rest !== '') {
    const [part] = /^(?:\*|\?|\\.|\[(?!\^\])\^?(?:\\.|[^\]\\])+\]|[^[\\])/su.exec(rest) ?? []
    if (part === undefined) throw new DomainError('invalid', 'syntax error in pattern')
    source += sourceOf(part)
    rest = rest.slice(part.length)
  }
  return new RegExp(`^${source}$`, 'su')
}

function sourceOf(part: string): string {
  if (part === '*') return '[^/]*'
  if (part === '?') return '[^/]'
  if (part.length > 2 && part.startsWith('[')) {
    const body = part.replace(/^\[\^?/, '').slice(0, -1)
    return `[${part[1] === '^' ? '^' : ''}${body.replaceAll(/[[\]^&]/g, '\\$&')}]`
  }
  return RegExp.escape(part.startsWith('\\') ? part.slice(1) : part)
}
