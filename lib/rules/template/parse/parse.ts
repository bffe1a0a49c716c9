/** A text with its templates, in Go's syntax and with Go's complaints. */
import { DomainError } from '#lib/model/errors.ts'
import { fromBytes, toBytes } from '../value/bytes.ts'
import { GoError } from '../value/value.ts'
import type { Statement, Template } from './ast.ts'
import { Lexer } from './lex.ts'
import { BodyParser } from './parse-body.ts'

/** What all bodies of one text share. */
export interface Shared {
  readonly name: string
  readonly lexer: Lexer
  readonly hasFunction: (name: string) => boolean
  readonly bodies: Map<string, readonly Statement[]>
  /** Of blocks and parentheses that are open. */
  depth: number
}

/** Throws DomainError 'invalid' with what Go says: `template: name:1: unclosed action`. */
export function parseTemplate(
  name: string,
  text: string,
  hasFunction: (name: string) => boolean,
): Template {
  const bytes = toBytes(text)
  const shared: Shared = {
    name: toBytes(name),
    lexer: new Lexer(bytes),
    hasFunction,
    bodies: new Map(),
    depth: 0,
  }
  try {
    new BodyParser(shared).parseText()
  } catch (cause) {
    if (!(cause instanceof GoError)) throw cause
    throw new DomainError('invalid', fromBytes(cause.message), { cause })
  }
  return { name: shared.name, text: bytes, bodies: shared.bodies }
}
