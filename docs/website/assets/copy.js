// What the copy button takes of a block with prompts: the commands, without prompts and without what they print.
document.querySelectorAll(".language-console code, .language-pycon code").forEach((code) => {
  const prompt = /^(\$|>>>|\.\.\.) /;
  const typed = code.textContent.split("\n").filter((line) => prompt.test(line));
  if (typed.length) code.setAttribute("data-copy", typed.map((line) => line.replace(prompt, "")).join("\n") + "\n");
});
