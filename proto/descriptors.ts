/**
 * proto/*.proto as the descriptors that server reflection gives away. `npm run descriptors` writes them to
 * lib/grpc/descriptors.ts; a test says when that must be done again.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import * as proto from '#lib/grpc/message.ts'

const OUTPUT = 'lib/grpc/descriptors.ts'

/** Numbers of `google.protobuf.FieldDescriptorProto.Type`. */
const TYPES: Readonly<Record<string, number>> = {
  double: 1,
  int64: 3,
  uint64: 4,
  int32: 5,
  bool: 8,
  string: 9,
  message: 11,
  bytes: 12,
  uint32: 13,
  enum: 14,
}
const OPTIONAL = 1
const REPEATED = 3

interface FieldProto {
  readonly name: string
  readonly number: number
  readonly label: number
  readonly type: number
  readonly typeName: string
  /** One more than the index, so that the first is not the zero that is left out; see `oneofIndex` below. */
  readonly oneof: number
  readonly jsonName: string
}

/** `oneof_index` must be written also where it is 0. */
const oneofIndex: proto.Field<number> = {
  ...proto.int(9),
  write: (out, number, oneof) => out.int(number, oneof - 1),
}

const fieldProto = proto.message<FieldProto>('FieldDescriptorProto', {
  name: proto.string(1),
  number: proto.int(3),
  label: proto.int(4),
  type: proto.int(5),
  typeName: proto.string(6),
  oneof: oneofIndex,
  jsonName: proto.string(10),
})

interface Named {
  readonly name: string
}

interface EnumValueProto extends Named {
  readonly number: number
}

/** `number` 0 must be written too. */
const enumValueProto = proto.message<EnumValueProto>('EnumValueDescriptorProto', {
  name: proto.string(1),
  number: { ...proto.int(2), isAbsent: () => false },
})

interface EnumProto extends Named {
  readonly values: readonly EnumValueProto[]
}

const enumProto = proto.message<EnumProto>('EnumDescriptorProto', {
  name: proto.string(1),
  values: proto.repeated(2, enumValueProto),
})

/** What protoc makes of `map<string, T> name`: a list of messages with a key and a value. No other message is within another. */
interface MapEntryProto extends Named {
  readonly fields: readonly FieldProto[]
  readonly options: { readonly mapEntry: boolean } | undefined
}

const mapEntryProto = proto.message<MapEntryProto>('DescriptorProto', {
  name: proto.string(1),
  fields: proto.repeated(2, fieldProto),
  options: proto.optional(
    7,
    proto.message<{ readonly mapEntry: boolean }>('MessageOptions', { mapEntry: proto.bool(7) }),
  ),
})

interface MessageProto extends Named {
  readonly fields: readonly FieldProto[]
  readonly mapEntries: readonly MapEntryProto[]
  readonly enums: readonly EnumProto[]
  readonly oneofs: readonly Named[]
}

const messageProto = proto.message<MessageProto>('DescriptorProto', {
  name: proto.string(1),
  fields: proto.repeated(2, fieldProto),
  mapEntries: proto.repeated(3, mapEntryProto),
  enums: proto.repeated(4, enumProto),
  oneofs: proto.repeated(
    8,
    proto.message<Named>('OneofDescriptorProto', { name: proto.string(1) }),
  ),
})

interface MethodProto extends Named {
  readonly input: string
  readonly output: string
  readonly clientStreaming: boolean
  readonly serverStreaming: boolean
}

interface ServiceProto extends Named {
  readonly methods: readonly MethodProto[]
}

const serviceProto = proto.message<ServiceProto>('ServiceDescriptorProto', {
  name: proto.string(1),
  methods: proto.repeated(
    2,
    proto.message<MethodProto>('MethodDescriptorProto', {
      name: proto.string(1),
      input: proto.string(2),
      output: proto.string(3),
      clientStreaming: proto.bool(5),
      serverStreaming: proto.bool(6),
    }),
  ),
})

interface FileProto extends Named {
  readonly package: string
  readonly dependencies: readonly string[]
  readonly messages: readonly MessageProto[]
  readonly enums: readonly EnumProto[]
  readonly services: readonly ServiceProto[]
  readonly syntax: string
}

const fileProto = proto.message<FileProto>('FileDescriptorProto', {
  name: proto.string(1),
  package: proto.string(2),
  dependencies: proto.strings(3),
  messages: proto.repeated(4, messageProto),
  enums: proto.repeated(5, enumProto),
  services: proto.repeated(6, serviceProto),
  syntax: proto.string(12),
})

/** By file name: `thaw/store.proto`, `google/protobuf/any.proto`… */
export function describeProtoFiles(): Map<string, Uint8Array> {
  const described = new Map<string, Uint8Array>()
  for (const file of readdirSync('proto').filter((name) => name.endsWith('.proto'))) {
    const root = new protobuf.Root()
    root.resolvePath = (_, target) =>
      target.startsWith('google/') ? target : `proto/${target.replace(/^.*\//, '')}`
    root.loadSync(file, { keepCase: true }).resolveAll()
    for (const [name, objects] of byFile(root)) {
      described.set(name, fileProto.encode(describeFile(name, objects)))
    }
  }
  return new Map([...described].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function byFile(root: protobuf.Root): Map<string, protobuf.ReflectionObject[]> {
  const files = new Map<string, protobuf.ReflectionObject[]>()
  const visit = (namespace: protobuf.NamespaceBase): void => {
    for (const object of namespace.nestedArray) {
      if (isDefinition(object)) {
        const file = fileOf(object)
        files.set(file, [...(files.get(file) ?? []), object])
      } else if (object instanceof protobuf.Namespace) visit(object)
    }
  }
  visit(root)
  return files
}

function isDefinition(object: protobuf.ReflectionObject): boolean {
  return [protobuf.Type, protobuf.Enum, protobuf.Service].some((kind) => object instanceof kind)
}

/** Google's own come with protobufjs and from no file. */
function fileOf(object: protobuf.ReflectionObject): string {
  if (object.filename) return object.filename.replace(/^proto\//, 'thaw/')
  if (object.parent instanceof protobuf.Type) return fileOf(object.parent)
  return `${object.fullName.slice(1).replaceAll('.', '/').toLowerCase()}.proto`
}

function describeFile(name: string, objects: readonly protobuf.ReflectionObject[]): FileProto {
  const dependencies = new Set<string>()
  const uses = (object: protobuf.ReflectionObject): string => {
    const file = fileOf(object)
    if (file !== name) dependencies.add(file)
    return object.fullName
  }
  const messages = objects.filter((object) => object instanceof protobuf.Type)
  const described = {
    messages: messages.map((type) => describeType(type, uses)),
    enums: objects.filter((object) => object instanceof protobuf.Enum).map(describeEnum),
    services: objects
      .filter((object) => object instanceof protobuf.Service)
      .map((service) => describeService(service, uses)),
  }
  const packageName = objects[0]!.parent!.fullName.slice(1)
  const sorted = [...dependencies].sort()
  return { name, package: packageName, dependencies: sorted, ...described, syntax: 'proto3' }
}

type Uses = (object: protobuf.ReflectionObject) => string

function describeType(type: protobuf.Type, uses: Uses): MessageProto {
  const maps = type.fieldsArray.filter((field) => field instanceof protobuf.MapField)
  return {
    name: type.name,
    fields: type.fieldsArray.map((field) => describeField(field, type, uses)),
    mapEntries: maps.map((field) => describeMapEntry(field, uses)),
    enums: type.nestedArray.filter((object) => object instanceof protobuf.Enum).map(describeEnum),
    oneofs: type.oneofsArray.map(({ name }) => ({ name })),
  }
}

function describeField(field: protobuf.FieldBase, type: protobuf.Type, uses: Uses): FieldProto {
  const isMap = field instanceof protobuf.MapField
  return {
    name: field.name,
    number: field.id,
    label: field.repeated || isMap ? REPEATED : OPTIONAL,
    ...(isMap
      ? { type: TYPES.message!, typeName: `${type.fullName}.${entryName(field)}` }
      : typeOf(field, uses)),
    oneof: field.partOf ? type.oneofsArray.indexOf(field.partOf) + 1 : 0,
    jsonName: camelCase(field.name),
  }
}

function typeOf(field: protobuf.FieldBase, uses: Uses): { type: number; typeName: string } {
  const { resolvedType } = field
  if (resolvedType === null) return { type: TYPES[field.type]!, typeName: '' }
  const kind = resolvedType instanceof protobuf.Enum ? 'enum' : 'message'
  return { type: TYPES[kind]!, typeName: uses(resolvedType) }
}

function describeMapEntry(field: protobuf.MapField, uses: Uses): MapEntryProto {
  const part = { label: OPTIONAL, oneof: 0 }
  return {
    name: entryName(field),
    fields: [
      {
        ...part,
        name: 'key',
        number: 1,
        type: TYPES[field.keyType]!,
        typeName: '',
        jsonName: 'key',
      },
      { ...part, name: 'value', number: 2, ...typeOf(field, uses), jsonName: 'value' },
    ],
    options: { mapEntry: true },
  }
}

function entryName({ name }: protobuf.FieldBase): string {
  const camel = camelCase(name)
  return `${camel[0]!.toUpperCase()}${camel.slice(1)}Entry`
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
}

function describeEnum({ name, values }: protobuf.Enum): EnumProto {
  return { name, values: Object.entries(values).map(([name, number]) => ({ name, number })) }
}

function describeService(service: protobuf.Service, uses: Uses): ServiceProto {
  const methods = service.methodsArray.map((method) => ({
    name: method.name,
    input: uses(method.resolvedRequestType!),
    output: uses(method.resolvedResponseType!),
    clientStreaming: method.requestStream === true,
    serverStreaming: method.responseStream === true,
  }))
  return { name: service.name, methods }
}

/** The text of lib/grpc/descriptors.ts, before it is formatted. */
function descriptorsModule(): string {
  const rows = [...describeProtoFiles()].map(
    ([name, bytes]) => `  '${name}': '${Buffer.from(bytes).toString('base64')}',\n`,
  )
  return `/** proto/*.proto as \`google.protobuf.FileDescriptorProto\` in base64. Written by \`npm run descriptors\`. */\nexport const DESCRIPTORS: Readonly<Record<string, string>> = {\n${rows.join('')}}\n`
}

if (import.meta.main) writeFileSync(OUTPUT, descriptorsModule())
