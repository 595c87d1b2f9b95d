"""Result files, the work that candidates did alike, and its figures."""
