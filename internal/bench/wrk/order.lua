-- Sends, for the lines of a file (product, user's id and token), two requests in one: add to cart and place
-- order. A connection sends the second as soon as it may, and its server answers one after the other. With
-- several threads each takes lines of its own: no user shops on two connections at once.
local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

function init(args)
   requests, at, step = {}, number, tonumber(args[2])
   local order = '{"payment_method": "UPI", "shipping_address": "12 MG Road, Bengaluru"}'
   for line in io.lines(args[1]) do
      local product, user, token = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)$")
      local headers = {
         ["Content-Type"] = "application/json",
         ["Authorization"] = "Bearer " .. token,
         ["X-User"] = user,
         ["X-Product"] = product,
      }
      local line = '{"product_id": ' .. product .. ', "quantity": 1}'
      requests[#requests + 1] = wrk.format("POST", "/cart", headers, line) .. wrk.format("POST", "/orders", headers, order)
   end
end

function request()
   local r = requests[at % #requests + 1]
   at = at + step
   return r
end
