/** gRPC's server reflection: proto/reflection.proto. */
import * as proto from './message.ts'

/** One of the questions. */
export interface ReflectionRequest {
  readonly host: string
  readonly fileByFilename: string | undefined
  readonly fileContainingSymbol: string | undefined
  readonly fileContainingExtension: ExtensionRequest | undefined
  readonly allExtensionNumbersOfType: string | undefined
  readonly listServices: string | undefined
}

export interface ExtensionRequest {
  readonly containingType: string
  readonly extensionNumber: number
}

/** One of the answers, with the question. */
export interface ReflectionResponse {
  readonly validHost: string
  readonly originalRequest: ReflectionRequest | undefined
  readonly fileDescriptorResponse:
    | { readonly fileDescriptorProto: readonly Uint8Array[] }
    | undefined
  readonly allExtensionNumbersResponse: ExtensionNumbers | undefined
  readonly listServicesResponse: { readonly service: readonly ServiceName[] } | undefined
  readonly errorResponse: ReflectionError | undefined
}

export interface ExtensionNumbers {
  readonly baseTypeName: string
  readonly extensionNumber: readonly number[]
}

export interface ServiceName {
  readonly name: string
}

export interface ReflectionError {
  /** A code of gRPC's. */
  readonly errorCode: number
  readonly errorMessage: string
}

export const reflectionRequest = proto.message<ReflectionRequest>('ServerReflectionRequest', {
  host: proto.string(1),
  fileByFilename: proto.oneofString(3),
  fileContainingSymbol: proto.oneofString(4),
  fileContainingExtension: proto.optional(
    5,
    proto.message<ExtensionRequest>('ExtensionRequest', {
      containingType: proto.string(1),
      extensionNumber: proto.int(2),
    }),
  ),
  allExtensionNumbersOfType: proto.oneofString(6),
  listServices: proto.oneofString(7),
})

export const reflectionResponse = proto.message<ReflectionResponse>('ServerReflectionResponse', {
  validHost: proto.string(1),
  originalRequest: proto.optional(2, reflectionRequest),
  fileDescriptorResponse: proto.optional(
    4,
    proto.message('FileDescriptorResponse', { fileDescriptorProto: proto.byteStrings(1) }),
  ),
  allExtensionNumbersResponse: proto.optional(
    5,
    proto.message<ExtensionNumbers>('ExtensionNumberResponse', {
      baseTypeName: proto.string(1),
      extensionNumber: proto.ints(2),
    }),
  ),
  listServicesResponse: proto.optional(
    6,
    proto.message('ListServiceResponse', {
      service: proto.repeated(
        1,
        proto.message<ServiceName>('ServiceResponse', { name: proto.string(1) }),
      ),
    }),
  ),
  errorResponse: proto.optional(
    7,
    proto.message<ReflectionError>('ErrorResponse', {
      errorCode: proto.int(1),
      errorMessage: proto.string(2),
    }),
  ),
})
