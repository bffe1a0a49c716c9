/** What is wrong with the YAML, in libyaml's words and with its idea of the line. */
import { isMap, isSeq, visit } from 'yaml'
import type { Document, LineCounter, Node, Pair, YAMLParseError } from 'yaml'

/** libyaml's scanner counts lines from 1, its parser from 0; neither names the first. */
type Layer = 'scanner' | 'parser'

interface Fault {
  readonly words: string
  readonly layer: Layer
  /** Offsets of the construct it happened in, and of the place itself: the first that is not in line 1 is named. */
  readonly context?: number | undefined
  readonly problem: number
}

/** `line 3: mapping values are not allowed in this context`. The document has an error. `version`: of Go's package. */
export function describeFault(
  text: string,
  document: Document,
  lines: LineCounter,
  version: 2 | 3,
): string {
  const { words, layer, context, problem } = faultOf(text, document, document.errors[0]!, lines)
  // The newer one looks at what is around the place first.
  for (const offset of version === 3 ? [context, problem] : [problem, context]) {
    if (offset === undefined) continue
    const line = lines.linePos(offset).line
    if (line > 1) return `line ${layer === 'scanner' ? line : line - 1}: ${words}`
  }
  return words
}

function faultOf(
  text: string,
  document: Document,
  error: YAMLParseError,
  lines: LineCounter,
): Fault {
  const { code, message } = error
  const [at] = error.pos
  const scanner = (words: string, problem = at, context?: number): Fault => ({
    words,
    layer: 'scanner',
    problem,
    context,
  })
  const parser = (words: string, context?: number): Fault => ({
    words,
    layer: 'parser',
    problem: at,
    context,
  })
  switch (code) {
    case 'BLOCK_AS_IMPLICIT_KEY': {
      if (message.startsWith('A block sequence')) return outOfPlace(text, document, at, lines)
      const long = document.errors.find((one) => one.code === 'MULTILINE_IMPLICIT_KEY')
      return scanner('mapping values are not allowed in this context', long ? long.pos[1] : at)
    }
    case 'MULTILINE_IMPLICIT_KEY': {
      const open = document.errors.find((one) => one.message.startsWith('Missing closing'))
      if (open) return scanner('found unexpected end of stream', open.pos[0], at)
      // What no mapping has begun before may go on over lines, until its colon.
      return beginsMapping(document, at)
        ? scanner('mapping values are not allowed in this context', error.pos[1])
        : scanner("could not find expected ':'")
    }
    case 'TAB_AS_INDENT':
      return tabFault(text, at)
    case 'BAD_SCALAR_START':
      return /[@`%]$/.test(message)
        ? scanner('found character that cannot start any token')
        : parser('did not find expected node content')
    case 'BAD_DQ_ESCAPE': {
      const words = /^[xuU]/.test(text.slice(at + 1))
        ? 'did not find expected hexdecimal number'
        : 'found unknown escape character'
      return scanner(words, at, lastQuote(text, at))
    }
    case 'BAD_INDENT':
      return indentFault(text, document, message, at, lines)
    case 'MISSING_CHAR':
      if (message.startsWith('Missing closing')) {
        const words = /^(---|\.\.\.)\s/m.test(text.slice(at).trimStart())
          ? 'found unexpected document indicator'
          : 'found unexpected end of stream'
        return scanner(words, at, lastQuote(text, at))
      }
      if (message.startsWith('Sequence item')) return outOfPlace(text, document, at, lines)
      if (message.startsWith('Flow')) return indentFault(text, document, message, at, lines)
      return message.startsWith('Missing directives-end')
        ? parser('did not find expected <document start>')
        : scanner("could not find expected ':'")
    default:
      return otherFault(document, message, at, lines)
  }

  function otherFault(of: Document, reason: string, offset: number, counter: LineCounter): Fault {
    if (reason.startsWith('Block scalar header')) {
      return scanner('did not find expected comment or line break')
    }
    if (reason.includes('block-seq-ind on same line')) {
      return scanner('block sequence entries are not allowed in this context')
    }
    if (reason.includes('at node end')) return outOfPlace(text, of, offset, counter)
    if (reason.startsWith('Verbatim tags')) return scanner("did not find the expected '>'")
    return parser('did not find expected node content')
  }
}

function beginsMapping(document: Document, at: number): boolean {
  let begins = false
  visit(document, {
    Map(_, node) {
      begins ||= node.flow !== true && startOf(node) === at
    },
  })
  return begins
}

function tabFault(text: string, at: number): Fault {
  const before = text.slice(0, at).trimEnd()
  const lastLine = before.slice(before.lastIndexOf('\n') + 1)
  const value = /^(.*?(?::|-)\s+)([^\s"'[{|>&*!#].*)$/.exec(lastLine)
  if (!value) {
    const words = 'found character that cannot start any token'
    return { words, layer: 'scanner', problem: at }
  }
  const words = 'found a tab character that violates indentation'
  return { words, layer: 'scanner', problem: at, context: before.length - 1 }
}

function indentFault(
  text: string,
  document: Document,
  message: string,
  at: number,
  lines: LineCounter,
): Fault {
  const close = /^Flow (map|sequence)/.exec(message)?.[1]
  if (close === undefined) return outOfPlace(text, document, at, lines)
  const words = `did not find expected ',' or '${close === 'map' ? '}' : ']'}'`
  let context: number | undefined
  visit(document, {
    Collection(_, node) {
      if (node.flow === true && startOf(node) < at) context = startOf(node)
    },
  })
  return { words, layer: 'parser', problem: at, context }
}

/** Something stands where only the next item of the collection around it may be. */
function outOfPlace(text: string, document: Document, at: number, lines: LineCounter): Fault {
  const problem = at + /^\s*/.exec(text.slice(at))![0].length
  const { col: column } = lines.linePos(problem)
  let around: Node | null = null
  visit(document, {
    Collection(_, node, path) {
      const start = startOf(node)
      if (node.flow === true || start > at || (node.range?.[2] ?? 0) < at) return
      const own = lines.linePos(start).col
      if (own <= column && !(isSeq(node) && isIndentless(own, path, lines))) around = node
    },
  })
  around ??= document.contents
  const words = isSeq(around) ? "did not find expected '-' indicator" : 'did not find expected key'
  const context = isMap(around) || isSeq(around) ? startOf(around) : undefined
  return { words, layer: 'parser', problem, context }
}

/** A list in the column of the mapping that it is in, which anything else ends. */
function isIndentless(
  column: number,
  path: readonly (Document | Node | Pair)[],
  lines: LineCounter,
): boolean {
  const parent = path.findLast((one) => isMap(one))
  return parent !== undefined && lines.linePos(startOf(parent)).col === column
}

function startOf(node: { range?: readonly number[] | null }): number {
  return node.range?.[0] ?? 0
}

function lastQuote(text: string, at: number): number {
  const found = Math.max(text.lastIndexOf('"', at - 1), text.lastIndexOf("'", at - 1))
  return Math.max(found, 0)
}
