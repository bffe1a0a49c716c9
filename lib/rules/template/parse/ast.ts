/** What a template is made of, and how messages show its parts. Positions are bytes from the start of the text. */
import { quote } from '../value/quote.ts'

interface At {
  readonly at: number
}

export type Operand =
  | ({ readonly type: 'bool'; readonly value: boolean } & At)
  | ({ readonly type: 'nil' | 'dot' } & At)
  | NumberNode
  | ({ readonly type: 'string'; readonly literal: string; readonly value: string } & At)
  | FieldNode
  | VariableNode
  | ChainNode
  | ({ readonly type: 'function'; readonly name: string } & At)
  | Pipe

/** A number before it is known what is wanted of it: all that it can be. */
export interface NumberNode extends At {
  readonly type: 'number'
  readonly text: string
  readonly int?: bigint | undefined
  readonly uint?: bigint | undefined
  readonly float?: number | undefined
  readonly complex?: { readonly re: number; readonly im: number } | undefined
}

/** `.a.b` */
export interface FieldNode extends At {
  readonly type: 'field'
  readonly names: readonly string[]
}

/** `$x.a.b`; `$` alone has the name `$`. */
export interface VariableNode extends At {
  readonly type: 'variable'
  readonly name: string
  readonly fields: readonly string[]
}

/** `(pipeline).a.b`, `function.a.b` */
export interface ChainNode extends At {
  readonly type: 'chain'
  readonly of: Operand
  readonly names: readonly string[]
}

export interface Command extends At {
  readonly type: 'command'
  readonly args: readonly Operand[]
}

export interface Pipe extends At {
  readonly type: 'pipe'
  /** With `=` instead of `:=`. */
  readonly assigns: boolean
  readonly variables: readonly VariableNode[]
  readonly commands: readonly Command[]
}

export interface Branch extends At {
  readonly type: 'if' | 'with' | 'range'
  readonly pipe: Pipe
  readonly body: readonly Statement[]
  readonly otherwise: readonly Statement[] | undefined
}

export interface Call extends At {
  readonly type: 'template'
  readonly name: string
  readonly pipe: Pipe | undefined
}

export type Statement =
  | ({ readonly type: 'text'; readonly text: string } & At)
  | ({ readonly type: 'action'; readonly pipe: Pipe } & At)
  | ({ readonly type: 'break' | 'continue' } & At)
  | Branch
  | Call

/** What an error can be at. */
export type Node = Operand | Command | Call

export interface Template {
  /** Of the whole text, for messages. */
  readonly name: string
  readonly text: string
  /** The body of each template by name; the whole text is one of them. */
  readonly bodies: ReadonlyMap<string, readonly Statement[]>
}

/** As Go writes the node back, which is not always as it was written. */
export function nodeText(node: Node): string {
  switch (node.type) {
    case 'bool':
      return String(node.value)
    case 'nil':
      return 'nil'
    case 'dot':
      return '.'
    case 'number':
      return node.text
    case 'string':
      return node.literal
    case 'function':
      return node.name
    case 'field':
      return fieldsText(node.names)
    case 'variable':
      return node.name + fieldsText(node.fields)
    case 'chain':
      return inParentheses(node.of) + fieldsText(node.names)
    case 'command':
      return node.args.map(inParentheses).join(' ')
    case 'template':
      return `{{template ${quote(node.name)}${node.pipe ? ` ${nodeText(node.pipe)}` : ''}}}`
    case 'pipe': {
      const names = node.variables.map(nodeText).join(', ')
      const sign = names === '' ? '' : node.assigns ? ' = ' : ' := '
      return names + sign + node.commands.map(nodeText).join(' | ')
    }
    default:
      return node satisfies never
  }
}

function fieldsText(names: readonly string[]): string {
  return names.map((name) => `.${name}`).join('')
}

function inParentheses(node: Operand): string {
  return node.type === 'pipe' ? `(${nodeText(node)})` : nodeText(node)
}
