"""The same without `async`, cell by cell as in a notebook: the loop runs in a thread of its own.

python examples/notebook_style.py [FOLDER]
"""

# %%
import sys
from pathlib import Path

from refine import Refiner

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

# %% Open; `close()` at the end, or use it in `with`.
refiner = Refiner.blocking(folder / "notebook.db", model="demo/scripted", panel="simulated", rounds=2)
refiner.open()

# %% Start two chains. Starting the same prompt again finds the chain it has.
timer = refiner.start("A kitchen timer with three presets and a sound")
quiz = refiner.start("A geography quiz with five questions and a review at the end")

# %% Wait until neither can go on by itself.
print(refiner.wait())

# %% Look at one.
for event in refiner.follow(timer.id):
    print(f"{event.seq:3} round {event.round} {event.type}")
files = refiner.final_files(timer.id) or ()
print([(file.filename, len(file.content)) for file in files])

# %% Leave.
refiner.close()
