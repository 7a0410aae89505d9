// A storefront's use of the client that openapi-typescript makes of the API's description. It has to compile; the lines that
// expect an error have to be wrong, so that the types are not just anything.
import createClient from "openapi-fetch";
import type { paths, components } from "./made/api.js";

const shop = createClient<paths>({ baseUrl: "http://127.0.0.1:8000" });

export async function order(token: string): Promise<number> {
  const { data: products, error } = await shop.GET("/products", { params: { query: { search: "lamp", sort_by: "asc", limit: 5 } } });
  if (error) throw new Error(error.detail);
  const lamp: components["schemas"]["Product"] | undefined = products[0];
  if (lamp === undefined) return 0;
  const picture: string | null = lamp.image_url;
  const headers = { Authorization: `Bearer ${token}` };
  await shop.POST("/cart", { headers, body: { product_id: lamp.id, quantity: 1 } });
  const placed = await shop.POST("/orders", {
    headers,
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
    body: { payment_method: "UPI", shipping_address: "12 MG Road", expected_total: lamp.price },
  });
  if (placed.error) {
    for (const item of placed.error.items ?? []) console.log(item.name, item.available, picture);
    throw new Error(placed.error.detail);
  }
  const status: "Pending" | "Shipped" | "Delivered" | "Cancelled" = placed.data.status;
  console.log(status);
  return placed.data.order_id;
}

export async function wrong(token: string): Promise<void> {
  // @ts-expect-error there is no such payment method
  await shop.POST("/orders", { body: { payment_method: "Barter", shipping_address: token } });
  // @ts-expect-error there is no such address
  await shop.GET("/basket");
  // @ts-expect-error the quantity is missing
  await shop.POST("/cart", { body: { product_id: 1 } });
}
