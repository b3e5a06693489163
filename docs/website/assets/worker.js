// Search without a server. A page that is opened as a file may not start a worker, so the worker's script runs in a
// hidden frame of the page instead. Where there is a server, nothing is changed.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.onmessage = this.onerror = this.onmessageerror = null;
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      const url = new URL(address, document.baseURI).href.replace(/"/g, "%22");
      // In the frame, what the script posts goes to the page, and not to the frame itself.
      const page = `<script>window.postMessage = (data) => parent.postMessage({ fromWorker: data }, "*")</script>`;
      this.frame.srcdoc = `${page}<script src="${url}"></script>`;
      this.heard = (event) => {
        if (event.source !== this.frame.contentWindow || !event.data || !("fromWorker" in event.data)) return;
        const message = new MessageEvent("message", { data: event.data.fromWorker });
        if (this.onmessage) this.onmessage(message);
        this.dispatchEvent(message);
      };
      window.addEventListener("message", this.heard);
      this.frame.addEventListener("load", () => {
        const waiting = this.waiting;
        this.waiting = null;
        waiting.forEach((data) => this.postMessage(data));
      });
      document.documentElement.append(this.frame);
    }

    postMessage(data) {
      if (this.waiting) this.waiting.push(data);
      else this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data: structuredClone(data) }));
    }

    terminate() {
      window.removeEventListener("message", this.heard);
      this.frame.remove();
    }
  };
}
