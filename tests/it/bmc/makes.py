#!/usr/bin/python3
"""The shells of BMCs and terminal servers, as their makers have them. The name of the account says which."""
import os
import sys
import tty

HERE = "@HERE@"
PROMPTS = {"idrac": "racadm>>", "xcc": "system> ", "ilo": "</>hpiLO-> "}
LEAVE = {"idrac": b"\x1c", "xcc": b"\x1b(", "ilo": b"\x1b("}
who = os.environ.get("LOGNAME", "")


def say(text):
    os.write(1, text.encode())


def note(name, octets):
    with open(f"{HERE}/{name}.{who}", "ab", buffering=0) as file:
        file.write(octets)


def machine(leave=None, greeting=""):
    """The console: what is typed comes back, until the keys that lead out."""
    say(f"{greeting}the machine of {who}\r\n")
    seen = b""
    while True:
        octets = os.read(0, 4096)
        if not octets:
            sys.exit(0)
        note("typed", octets)
        os.write(1, octets)
        seen = (seen + octets)[-64:]
        if leave and leave in seen:
            return


def line():
    """One line at the prompt, echoed as a terminal does."""
    text = b""
    while True:
        octet = os.read(0, 1)
        if not octet:
            sys.exit(0)
        if octet == b"\r":
            say("\r\n")
            return text.decode()
        text += octet
        os.write(1, octet)


def busy():
    return os.path.exists(f"{HERE}/busy.{who}")


def shell():
    leave, prompt = LEAVE[who], PROMPTS[who]
    say("\x1b[0m\r\nAuthorized users only.\r\n\r\n")
    while True:
        say(prompt)
        command = line()
        note("commands", (command + "\n").encode())
        match (who, command):
            case ("xcc", "console kill 1"):
                if busy():
                    os.remove(f"{HERE}/busy.{who}")
                say("ok\r\n")
            case ("idrac", "connect com2") | ("xcc", "console 1") | ("ilo", "vsp"):
                if busy():
                    say("The console is in use by another session.\r\n")
                else:
                    machine(leave, "Connected.\r\n")
            case (_, "exit"):
                sys.exit(0)
            case (_, ""):
                pass
            case _:
                say(f"{command}: not known here\r\n")


if os.isatty(0):
    tty.setraw(0)
if sys.argv[1:2] == ["-c"]:
    note("commands", (sys.argv[2] + "\n").encode())
    if sys.argv[2].startswith("console -f "):
        machine(greeting=f"[{sys.argv[2].split()[-1]}]\r\n")
    say("no such command\r\n")
    sys.exit(3)
if who in PROMPTS:
    shell()
machine()
