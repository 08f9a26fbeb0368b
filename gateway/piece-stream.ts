/** What a generator yields, as a stream that asks for each piece when it is wanted; cancelled, it ends the generator. */
export function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(sink) {
        const { done, value } = await pieces.next()
        if (done) sink.close()
        else sink.enqueue(value)
      },
      async cancel() {
        await pieces.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}
