// npm's `@modelcontextprotocol/client`. Each line of standard input is a method and its arguments, as JSON.
import { createInterface } from "node:readline";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const headers = { Authorization: `Bearer ${process.env.PRESIGN_TOKEN}` };
const transport = new StreamableHTTPClientTransport(new URL(process.argv[2]), {
  requestInit: { headers },
});
const versionNegotiation = { mode: process.argv[3] };
const client = new Client({ name: "client", version: "1" }, { versionNegotiation });
await client.connect(transport);

const methods = {
  about: async () => ({
    revision: transport.protocolVersion,
    instructions: client.getInstructions(),
  }),
  tools: async () => (await client.listTools()).tools,
  call: async (name, args) => await client.callTool({ name, arguments: args }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...args] = JSON.parse(line);
  let told;
  try {
    told = { answer: await methods[method](...args) };
  } catch (error) {
    told = { error: `${error}` };
  }
  console.log(JSON.stringify(told));
}
await client.close();
