-- Logs in as the people of a file: path, e-mail and password. With several threads each takes lines of its own.
local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

function init(args)
   requests, at, step = {}, number, tonumber(args[2])
   local headers = { ["Content-Type"] = "application/json" }
   for line in io.lines(args[1]) do
      local path, email, password = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)$")
      requests[#requests + 1] = wrk.format("POST", path, headers,
         string.format('{"email": "%s", "password": "%s"}', email, password))
   end
end

function request()
   local r = requests[at % #requests + 1]
   at = at + step
   return r
end
