"""What a team writes into files, read whole: every problem one line that names the place."""
