// Loaded into a child by `node --import` where the system cannot tie its life to its parent's:
// the supervisor holds the other end of stdin, and the end of that pipe is the end of the child.
process.stdin.on("end", () => process.kill(process.pid, "SIGKILL"));
process.stdin.on("error", () => process.kill(process.pid, "SIGKILL"));
process.stdin.resume();
// The lifeline by itself does not keep a program alive that has finished.
if ("unref" in process.stdin && typeof process.stdin.unref === "function") process.stdin.unref();
