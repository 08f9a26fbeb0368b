/** The processors that the demo's program is built for, as OCI platforms name them. */
export type Architecture = 'amd64' | 'arm64'

const loadAddress = 0x400000
const headerBytes = 64 + 56

/** A static Linux program that writes `line` to its standard output and ends with 0. */
export function buildHelloProgram(architecture: Architecture, line: string): Uint8Array {
  const text = new TextEncoder().encode(line)
  const code = architecture === 'amd64' ? amd64Code(text.length) : arm64Code(text.length)
  const program = new Uint8Array(headerBytes + code.length + text.length)
  program.set(elfHeader(architecture === 'amd64' ? 62 : 183))
  program.set(programHeader(program.length), 64)
  program.set(code, headerBytes)
  program.set(text, headerBytes + code.length)
  return program
}

/** ELF64, little-endian, executable; its one program header follows at once. */
function elfHeader(machine: number): Uint8Array {
  const bytes = new Uint8Array(64)
  const view = new DataView(bytes.buffer)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  view.setUint16(16, 2, true) // executable
  view.setUint16(18, machine, true)
  view.setUint32(20, 1, true) // version
  view.setBigUint64(24, BigInt(loadAddress + headerBytes), true) // entry
  view.setBigUint64(32, 64n, true) // program headers
  view.setUint16(52, 64, true)
  view.setUint16(54, 56, true)
  view.setUint16(56, 1, true)
  return bytes
}

/** The whole file is loaded once, readable and executable. */
function programHeader(fileBytes: number): Uint8Array {
  const bytes = new Uint8Array(56)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, 1, true) // load
  view.setUint32(4, 5, true) // read, execute
  view.setBigUint64(16, BigInt(loadAddress), true)
  view.setBigUint64(24, BigInt(loadAddress), true)
  view.setBigUint64(32, BigInt(fileBytes), true)
  view.setBigUint64(40, BigInt(fileBytes), true)
  view.setBigUint64(48, 0x10000n, true) // alignment that both processors' page sizes divide
  return bytes
}

/** write(1, text, length); exit(0). The text follows the code. */
function amd64Code(textBytes: number): Uint8Array {
  return Uint8Array.of(
    ...[0xb8, 1, 0, 0, 0], // mov eax, 1 (write)
    ...[0xbf, 1, 0, 0, 0], // mov edi, 1
    ...[0x48, 0x8d, 0x35, 16, 0, 0, 0], // lea rsi, [rip + 16]: the text
    ...[0xba, textBytes & 0xff, textBytes >> 8, 0, 0], // mov edx, length
    ...[0x0f, 0x05], // syscall
    ...[0xb8, 60, 0, 0, 0], // mov eax, 60 (exit)
    ...[0x31, 0xff], // xor edi, edi
    ...[0x0f, 0x05], // syscall
  )
}

function arm64Code(textBytes: number): Uint8Array {
  const words = [
    0xd2800020, // mov x0, #1
    0x100000e1, // adr x1, +28: the text
    (0xd2800002 | (textBytes << 5)) >>> 0, // mov x2, #length
    0xd2800808, // mov x8, #64 (write)
    0xd4000001, // svc #0
    0xd2800000, // mov x0, #0
    0xd2800ba8, // mov x8, #93 (exit)
    0xd4000001, // svc #0
  ]
  const bytes = new Uint8Array(words.length * 4)
  const view = new DataView(bytes.buffer)
  words.forEach((word, position) => {
    view.setUint32(position * 4, word, true)
  })
  return bytes
}
