-- For wrk: a random one of the paths in MOORING_BENCH_PATHS each time, every request built once.
local requests = {}
local last = 0

function init(args)
  math.randomseed(os.time())
  for path in io.lines(os.getenv("MOORING_BENCH_PATHS")) do
    last = last + 1
    requests[last] = wrk.format("GET", path)
  end
end

function request()
  return requests[math.random(last)]
end
