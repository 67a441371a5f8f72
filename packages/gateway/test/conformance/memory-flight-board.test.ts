import { MemoryFlightBoard } from "../support/memory-flight-board.ts";
import { describeFlightBoard } from "./flight-board.ts";

describeFlightBoard("memory", async (servers) => {
  const board = new MemoryFlightBoard();
  return Array.from({ length: servers }, () => board);
});
