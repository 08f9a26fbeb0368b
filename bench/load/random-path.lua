-- For wrk: a random one of the paths in MOORING_BENCH_PATHS each time, by MOORING_BENCH_METHOD, every request built once.
local requests = {}
local last = 0
local method = os.getenv("MOORING_BENCH_METHOD")
local headers = { Accept = os.getenv("MOORING_BENCH_ACCEPT") }

function init(args)
  math.randomseed(os.time())
  for path in io.lines(os.getenv("MOORING_BENCH_PATHS")) do
    last = last + 1
    requests[last] = wrk.format(method, path, headers)
  end
end

function request()
  return requests[math.random(last)]
end
