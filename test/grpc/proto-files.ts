/** proto/*.proto, read by protobufjs, and messages made of what they say. */
import protobuf from 'protobufjs'

const FILES = [
  'store',
  'hints',
  'info',
  'rules',
  'targets',
  'metadata',
  'exemplars',
  'status',
  'health',
  'reflection',
] as const

/** One file and what it imports: two files may have enum values of one name. */
export function loadProto(name: (typeof FILES)[number]): protobuf.Root {
  const root = new protobuf.Root()
  root.resolvePath = (_, target) =>
    target.startsWith('google/') ? target : `proto/${target.replace(/^.*\//, '')}`
  root.loadSync(`${name}.proto`).resolveAll()
  return root
}

/** As protobufjs writes objects: int64 as numbers, enum values by name, bytes in base64. */
export function plain(type: protobuf.Type, bytes: Uint8Array): Record<string, unknown> {
  return type.toObject(type.decode(bytes), { longs: Number, enums: String, bytes: String })
}

/**
 * A message with something in every field, at any depth. Of a oneof the alternative number `choice`.
 */
export function fullMessage(type: protobuf.Type, choice: number): Record<string, unknown> {
  const message: Record<string, unknown> = {}
  let salt = 0
  for (const field of type.fieldsArray) {
    salt++
    const rivals = field.partOf?.fieldsArray
    if (rivals !== undefined && rivals[choice % rivals.length] !== field) continue
    const value = (): unknown => fullValue(field, choice, salt)
    if (field instanceof protobuf.MapField) message[field.name] = { key: value(), é: value() }
    else message[field.name] = field.repeated ? [value(), value()] : value()
  }
  return message
}

function fullValue(field: protobuf.Field, choice: number, salt: number): unknown {
  const { resolvedType: type } = field
  if (type instanceof protobuf.Type) return fullMessage(type, choice)
  if (type instanceof protobuf.Enum) return Math.max(...Object.values(type.values))
  switch (field.type) {
    case 'bool':
      return true
    case 'string':
      return `${field.name} ü ${salt}`
    case 'bytes':
      return Uint8Array.of(0, 255, salt)
    case 'double':
      return -salt / 3
    case 'int32':
      return -salt
    case 'int64':
      return -1_700_000_000_000 - salt
    case 'uint64':
      return 1_700_000_000_000 + salt
    default:
      throw new Error(`${field.fullName}: ${field.type}`)
  }
}
