-- Sends GETs for the lines of a file: path, user's id and token, the last two may be empty. With several
-- threads each takes lines of its own, so that no request is sent twice until the file is used up.
local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

function init(args)
   requests, at, step = {}, number, tonumber(args[2])
   for line in io.lines(args[1]) do
      local path, user, token = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)$")
      local headers = {}
      if user ~= "" then
         headers["Authorization"], headers["X-User"] = "Bearer " .. token, user
      end
      requests[#requests + 1] = wrk.format("GET", path, headers)
   end
end

function request()
   local r = requests[at % #requests + 1]
   at = at + step
   return r
end
